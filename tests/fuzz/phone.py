"""The phone's conversation as a target: a receiver and an authority that say anything."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from itertools import count
from typing import Any
from unittest.mock import patch

from receiver import reasons
from receiver.link import wire
from receiver.protocol import exchange, messages, padding
from simulator.authority.storage import schema
from simulator.phone.conversation import events, states
from simulator.phone.wallet.wallet import Bought, Wallet
from tests.fuzz import authority
from tests.fuzz.script import Script, Step, script
from tests.fuzz.target import Target
from tests.support.machines.phone import CODE, EPOCH, MTU, RECEIVER, RECIPIENT, Shop, wallet
from tests.support.values import evidence

_MTUS = (MTU, 185, 184, 23)
_REASONS = (reasons.OK, reasons.CREDIT_SPACE, reasons.CREDENTIAL_REVOKED)
_SIZES = {
    exchange.RESULT: (padding.RESULT_SEALED,),
    exchange.REFUSAL: (padding.REFUSAL_SEALED, 1),
}
_LIES: tuple[dict[str, Any], ...] = ({}, {"approval_id": bytes(16)}, {"amount": 1}, {"till": 9})
_ORIGINAL = b"something bought"
_STATES = (
    *(schema.PENDING, schema.POSTED, schema.VOIDED, schema.DECLINED, schema.EXPIRED),
    *(events.UNSEEN, events.NO_ANSWER, "anything"),
)
_LEAVES = tuple(exchange.LEAVES)
_WAITS_MS = (1, states.ASK_FIRST_MS, states.RESEND_MS, states.RESULT_MS, 200_000)


class Visit:
    """A phone at a counter of which nothing is honest for sure."""

    def __init__(self) -> None:
        self.shop = Shop(authority.keys(), deepcopy(_wallet()))
        self.paid = False

    # The receiver.

    def rings_up(self, script: Script) -> None:
        self.shop.ring_up(bytes([script.number(3)]) * 8)

    def rings_up_a_refund(self, script: Script) -> None:
        """Of what was bought, or of something else; more than there was, or not."""
        original = script.choice((_ORIGINAL, bytes(16)))
        amount = script.choice((evidence.AMOUNT, evidence.AMOUNT + 1, 1))
        self.shop.ring_up(bytes([script.number(3)]) * 8, amount, original)

    def connects(self, script: Script) -> None:
        self.shop.come(script.choice(_MTUS))

    def shows(self, script: Script) -> None:
        """Certificate and offer as they are read, each honest or not."""
        shop = self.shop
        certificate, offer = script.altered(shop.certificate), script.altered(shop.offer)
        shop.tell_phone(events.Connected(MTU))
        shop.tell_phone(events.Read(certificate, offer))

    def offers(self, script: Script) -> None:
        self.shop.tell_phone(events.OfferNotified(script.altered(self.shop.offer)))

    def notifies(self, script: Script) -> None:
        """Any notification, often of a size that is looked at."""
        kind = script.choice(tuple(_SIZES))
        body = script.octets().ljust(script.choice(_SIZES[kind]), b"\0")
        data = bytes([kind]) + body if script.number(2) else script.octets()
        self.shop.tell_phone(events.Notified(data))

    def decides(self, script: Script) -> None:
        """The bridge's result, sealed by the receiver: a receipt as it is signed, or not."""
        shop = self.shop
        reason, lies = script.choice(_REASONS), script.choice(_LIES)
        offered = shop.receiver.sale.offered
        if offered is None or not shop.sent(wire.VERDICT):
            return
        receipt = script.altered(shop.receipt(reason, **lies))[: padding.RECEIPT_MOST]
        shop.order(wire.RESULT, wire.Result(shop.receiver.sale.session, receipt))

    def accepts(self, script: Script) -> None:
        """The receiver's own word in a result, honest or not."""
        shop = self.shop
        if shop.receiver.sale.offered is None or not shop.sent(wire.VERDICT):
            return
        lies = {"approval_id": shop.sent(wire.VERDICT)[-1].approval_id, **script.choice(_LIES)}
        name = lies.pop("approval_id")
        word = evidence.provisional(RECEIVER, shop.certificate, name, EPOCH, **lies)
        word = script.altered(word)[: padding.RECEIPT_MOST]
        shop.order(wire.RESULT, wire.Result(shop.receiver.sale.session, word))

    def goes_deaf(self, script: Script) -> None:
        self.shop.deaf = bool(script.number(2))

    def breaks(self, script: Script) -> None:
        self.shop.break_link()

    def meets_again(self, script: Script) -> None:
        """The same phone, another visit: what is pending stays so."""
        self.shop.break_link()
        self.shop.meet()

    # The buyer.

    def types(self, script: Script) -> None:
        self.shop.tell_phone(events.FirstDigit())

    def completes(self, script: Script) -> None:
        self.shop.tell_phone(events.Code(CODE))

    def looks(self, script: Script) -> None:
        self.shop.tell_phone(events.Look())

    def says_no(self, script: Script) -> None:
        self.shop.tell_phone(events.SayNo(script.choice(_LEAVES)))

    # The authority, and time.

    def is_answered(self, script: Script) -> None:
        state, reason = script.choice(_STATES), script.choice(_REASONS)
        asked = self.shop.asked[-1] if self.shop.asked else bytes(16)
        name = script.altered(asked)
        verdicts = self.shop.sent(wire.VERDICT) and self.shop.receiver.sale.offered
        honest = self.shop.receipt(reason, **script.choice(_LIES)) if verdicts else b""
        receipt = script.altered(honest)
        before = self.shop.phone.outcome
        self.shop.tell_phone(events.Answered(name, state, receipt or None))
        assert name == asked or self.shop.phone.outcome is before

    def waits(self, script: Script) -> None:
        self.shop.wait(script.choice(_WAITS_MS))

    # What is always true.

    def check(self) -> None:
        """Money is said to have moved by a receipt alone; what is open stays in the wallet.

        No more is given back than was bought.
        """
        assert all(one.refunded <= one.amount for one in self.shop.wallet.bought.values())
        outcome, pending = self.shop.phone.outcome, self.shop.wallet.pending
        held = {one.approval_id for one in pending.values()}
        if outcome is None:
            return
        if outcome.result == events.APPROVED:
            assert outcome.receipt is not None
            assert outcome.receipt.outcome == messages.APPROVED
            assert outcome.receipt.approval_id == outcome.approval_id
            assert outcome.view is None or outcome.receipt.amount == outcome.view.amount
            self.paid = True
        if outcome.result in (events.UNKNOWN, events.ACCEPTED):
            assert outcome.approval_id in held
            accepted = {one.approval_id for one in pending.values() if one.accepted}
            assert (outcome.result == events.ACCEPTED) == (outcome.approval_id in accepted)
        elif outcome.result in (events.APPROVED, events.DECLINED):
            assert outcome.approval_id not in held


_STEPS: tuple[Step, ...] = (
    *(Visit.rings_up, Visit.connects, Visit.shows, Visit.offers, Visit.notifies),
    *(Visit.decides, Visit.goes_deaf, Visit.breaks, Visit.meets_again),
    *(Visit.types, Visit.completes, Visit.looks, Visit.says_no, Visit.is_answered, Visit.waits),
    *(Visit.rings_up_a_refund, Visit.accepts),
)


def targets() -> Iterator[tuple[str, Target]]:
    yield "phone", Target(run, None, _seeds, slow=True)


def run(data: bytes) -> bool | None:
    """Taken where the buyer paid: then the script went all the way."""
    numbers = count()

    def entropy(size: int) -> bytes:
        return evidence.seed(f"entropy {next(numbers)}")[:size]

    with patch("os.urandom", entropy):
        visit, steps = Visit(), Script(data)
        for step in steps.steps(_STEPS):
            step(visit, steps)
            visit.check()
    return visit.paid or None


@cache
def _wallet() -> Wallet:
    held = wallet(authority.keys(), floor=evidence.AMOUNT)
    held.bought[_ORIGINAL] = Bought(_ORIGINAL, evidence.AMOUNT, evidence.SEK, RECIPIENT)
    return held


def _seeds() -> list[bytes]:
    """A purchase, one mended, one by check-in, one in doubt, one after an old end is known; a
    refund, and a purchase that was accepted before it was approved."""
    begins = ((Visit.rings_up, 1), (Visit.connects, 0))
    reads = ((Visit.rings_up, 0), (Visit.shows, 0, 0))
    pays = ((Visit.types,), (Visit.completes,))
    yes, mend = (Visit.decides, 0, 0, 0), (Visit.decides, 1, 0, 0)
    posted = (Visit.is_answered, 1, 0, 0, 0, 0)
    others = (Visit.decides, 0, 1, 0), (Visit.waits, 1), (Visit.is_answered, 1, 0, 0, 1, 0)
    whole = [
        (*begins, *pays, yes),
        (*begins, *pays, mend, (Visit.rings_up, 1), *pays, yes),
        ((Visit.connects, 0), (Visit.rings_up, 2), (Visit.looks,), *pays, (Visit.waits, 2), yes),
        (*begins, *pays, (Visit.goes_deaf, 1), yes, (Visit.breaks,), (Visit.waits, 1), posted),
        (*begins, *pays, *others, (Visit.waits, 1), posted),
        (*begins, *pays, (Visit.decides, 0, 2, 0), (Visit.waits, 1), posted),
        (*begins, (Visit.says_no, 0), (Visit.meets_again,), *begins, *pays, yes),
        ((Visit.rings_up_a_refund, 0, 0, 1), (Visit.connects, 0), *pays, yes),
        (*begins, *pays, (Visit.accepts, 0), (Visit.waits, 1), posted),
        (*reads, (Visit.offers, 0), (Visit.meets_again,), *begins, *pays, yes),
    ]
    return [script(_STEPS, *steps) for steps in whole]
