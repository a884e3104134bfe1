"""The bridge's controller as a target: a receiver that says anything, and so may the authority."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from msgspec.structs import replace

from bridge.domain import effects, event_codec, inputs
from bridge.domain.sale import Sale, Terms
from bridge.domain.states import Event, State
from bridge.domain.till_decisions import TooLateError, Wish, decide
from bridge.till.rest import models
from bridge.till.rest.views import sale_view
from receiver import reasons
from receiver.link import wire
from receiver.protocol import gatt, identifiers, messages, padding
from tests.fuzz import authority, seeds
from tests.fuzz.script import Script, Step, script
from tests.fuzz.target import Target
from tests.support.machines.controller import (
    BRIDGE_ID,
    PATIENCE_S,
    RECEIVER,
    TILL,
    ControllerWorld,
    Purchase,
)
from tests.support.values import evidence, till_answers

_CHANNELS = tuple(wire.LAYOUTS)
_EVENTS = (wire.PHONE_SHOWN, wire.PHONE_LEFT, wire.PHONE_REFUSED, wire.PHONE_GONE)
AMOUNT = 24_900
_ORIGINAL = evidence.seed("bought")[:16]
_ANSWERS = (reasons.OK, reasons.CREDIT_SPACE, reasons.CREDENTIAL_REVOKED)
_WAITS_MS = (1, 1_000, 5_000, 25_000, 200_000)
# After these nothing more is to come of what the authority was asked about.
_RESOLVED = (Event.RECALLED, Event.DECLINED, Event.MENDABLE, Event.REVERSAL_OWED)


class Hostile:
    """A controller between a lying receiver, phones with good papers, and an authority."""

    def __init__(self) -> None:
        self.world = ControllerWorld(authority.folder())
        self.approved = False
        self._sales = 0
        self._offer = b""  # the last honest one
        self._purchases: dict[int, Purchase] = {}
        self._asked: list[bytes] = []
        self._pending = False  # the authority may still book one

    # The receiver.

    def syncs(self, script: Script) -> None:
        sale = self.world.controller.sale
        ours, known = script.number(2), script.number(2)
        reference = sale.terms.reference if sale and ours else bytes(8)
        offer = self._offer if known else b""
        self._hear(wire.SYNC, wire.Opened(reference, offer, script.number()), script)

    def offers(self, script: Script) -> None:
        sale = self.world.controller.sale
        self._offer = self._make_offer(sale) if sale else self._offer
        reference = sale.terms.reference if sale else bytes(8)
        offer = script.altered(self._offer)[: gatt.OFFER_MOST]
        self._hear(wire.OFFER, wire.Opened(reference, offer, script.number()), script)

    def phones_move(self, script: Script) -> None:
        event, link = script.choice(_EVENTS), script.number(gatt.LINKS_MOST)
        moved = wire.Phone(self._session(), link, event, script.number())
        self._hear(wire.PHONE, moved, script)

    def presents(self, script: Script) -> None:
        link = script.number(5)  # more than there are links
        if self._offer:
            self._purchases[link] = self.world.purchase(
                self._offer, phone=evidence.seed(f"phone {link}")
            )
        held = self._purchases.get(link)
        data = script.altered(held.credential if held else b"")[: padding.CREDENTIAL_MOST]
        hashed = identifiers.certificate_hash(self.world.certificate)
        record = wire.CredentialRecord(link, hashed, self._offer, evidence.ENC, data)
        self._hear(wire.CREDENTIAL, record, script)

    def approves(self, script: Script) -> None:
        link = script.number(5)
        held = self._purchases.get(link)
        data = script.altered(held.approval if held else b"")[: padding.APPROVAL_MOST]
        self._hear(wire.APPROVAL, wire.ApprovalRecord(self._session(), link, data), script)

    def judges(self, script: Script) -> None:
        held = self._purchases.get(script.number(5))
        name = held.approval_id if held else bytes(16)
        self._hear(wire.VERDICT, wire.Verdict(self._session(), name, script.number()), script)

    def says(self, script: Script) -> None:
        """Anything on any channel, known or not."""
        channel = script.choice((*_CHANNELS, script.number()))
        valid = seeds.plain(channel) or [b""]
        self._receive(channel, script.altered(script.choice(valid)))

    def proves(self, script: Script) -> None:
        """A provisional receipt, for what was accepted offline or not."""
        held = self._purchases.get(script.number(5))
        receipt = evidence.provisional(
            RECEIVER,
            self.world.certificate,
            held.approval_id if held else bytes(16),
            self.world.at,
            amount=script.choice((AMOUNT, 1)),
        )
        told = wire.ProvisionalRecord(
            self._session(), script.altered(receipt)[: padding.RECEIPT_MOST]
        )
        self._hear(wire.PROVISIONAL, told, script)

    def goes(self, script: Script) -> None:
        self.world.give(inputs.LinkDown())

    def _hear(self, channel: int, value: Any, script: Script) -> None:
        self._receive(channel, script.altered(wire.encode(channel, value)))

    def _receive(self, channel: int, payload: bytes) -> None:
        """Every message is acknowledged once, when all is noted that it asks for."""
        before = len(self.world.outputs)
        self.world.give(inputs.MessageReceived(channel, payload, self.world.at))
        kinds = [type(output) for output in self.world.outputs[before:]]
        assert kinds.count(effects.Acknowledge) == 1
        last = kinds.index(effects.Acknowledge)
        assert not {effects.Persist, effects.BeginSale} & set(kinds[last:])

    def _make_offer(self, sale: Sale) -> bytes:
        return self.world.make_offer(kind=sale.terms.kind, original=sale.terms.original)

    def _session(self) -> bytes:
        return identifiers.session_id(self._offer)

    # The till, which keeps the rules.

    def rings(self, script: Script) -> None:
        if self.world.controller.sale is None:
            self._sales += 1
            self.world.ring(f"sale-{self._sales:016}")

    def rings_back(self, script: Script) -> None:
        """A refund that the buyer approves."""
        if self.world.controller.sale is None:
            self._sales += 1
            name = f"back-{self._sales:016}"
            reference = identifiers.sale_reference(BRIDGE_ID, TILL, name)
            place = (PATIENCE_S, "", reference, evidence.RECEIVER_ID)
            refund = (messages.REFUND, _ORIGINAL)
            terms = Terms(name, TILL, AMOUNT, evidence.SEK, *place, *refund)
            self.world.give(inputs.Ring(terms))

    def decides(self, script: Script) -> None:
        sale, wish = self.world.controller.sale, script.choice(tuple(Wish))
        if sale is not None:
            with suppress(TooLateError):
                fact = decide(sale, wish)
                if fact is not None:
                    self.world.give(inputs.Decide(fact))

    def fetches(self, script: Script) -> None:
        self.world.give(inputs.TillNotified())

    def waits(self, script: Script) -> None:
        self.world.move(script.choice(_WAITS_MS))

    # The authority, and who stands in for it.

    def stands_in(self, script: Script) -> None:
        self.world.stand_in.willing = bool(script.number(2))

    def answers(self, script: Script) -> None:
        if self._asked and self.world.controller.sale:
            name = self._asked[-1]
            receipt = script.altered(self.world.receipt(name, script.choice(_ANSWERS)))
            self.world.give(inputs.AuthorityAnswered(name, receipt))

    def is_silent(self, script: Script) -> None:
        self.world.give(inputs.AuthorityTimedOut(self._asked[-1] if self._asked else bytes(16)))

    def rejects(self, script: Script) -> None:
        name = self._asked[-1] if self._asked else bytes(16)
        self.world.give(inputs.RecordRejected(name, script.number()))

    # What is always true.

    def check(self) -> None:
        """One approval at a time is with the authority, and all can be written and shown."""
        for output in self.world.outputs:
            self._check_output(output)
        self.world.outputs.clear()
        hearing = self.world.controller._attempt
        if hearing:
            assert max(len(hearing._claims), len(hearing._unfit)) <= gatt.LINKS_MOST

    def _check_output(self, output: Any) -> None:
        if isinstance(output, effects.Send):
            wire.decode(output.channel, output.payload)
        elif isinstance(output, effects.RequestAuthorisation):
            assert output.approval_id not in self._asked
            assert not self._pending
            self._asked.append(output.approval_id)
            self._pending = True
        elif isinstance(output, effects.Persist):
            fact = output.fact
            written = event_codec.dump_fact(fact)
            loaded = event_codec.load_fact(fact.event, *written)
            assert replace(loaded, secret=fact.secret) == fact
            self._pending = self._pending and fact.event not in _RESOLVED
            assert (
                fact.event is not Event.PROVISIONAL_RECEIPT or output.sale.mode == messages.OFFLINE
            )
            shown = till_answers.said(sale_view(output.after))
            till_answers.assert_is(
                shown, models.Refund if output.after.is_refund else models.SaleView
            )
            if output.after.state is State.APPROVED:
                self.approved, self._pending = True, False


_STEPS: tuple[Step, ...] = (
    *(Hostile.syncs, Hostile.offers, Hostile.phones_move, Hostile.presents, Hostile.approves),
    *(Hostile.judges, Hostile.says, Hostile.goes, Hostile.rings, Hostile.decides, Hostile.fetches),
    *(Hostile.waits, Hostile.answers, Hostile.is_silent, Hostile.rejects),
    *(Hostile.stands_in, Hostile.proves, Hostile.rings_back),
)


def targets() -> Iterator[tuple[str, Target]]:
    yield "controller", Target(run, None, _seeds, slow=True)


def run(data: bytes) -> bool | None:
    """Taken where a sale was approved: then the script went all the way."""
    hostile, steps = Hostile(), Script(data)
    for step in steps.steps(_STEPS):
        step(hostile, steps)
        hostile.check()
    return hostile.approved or None


def _seeds() -> list[bytes]:
    """A purchase, one mended, one after another phone's, one in doubt, one through a reboot, one
    offline, and a refund."""
    begins = ((Hostile.syncs, 0, 0, 0, 0), (Hostile.rings,))
    offer = (Hostile.offers, 0, 0, 0)

    def pays(link: int) -> tuple[tuple[Any, ...], ...]:
        return (Hostile.presents, link, 0, 0), (Hostile.approves, link, 0, 0)

    def verdict(link: int, reason: int = reasons.OK) -> tuple[Any, ...]:
        return (Hostile.judges, link, reason, 0)

    yes, mend = (Hostile.answers, 0, 0), (Hostile.answers, 1, 0)
    silent, leaves = (Hostile.is_silent,), (Hostile.phones_move, 1, 0, 0, 0)
    offline = ((Hostile.stands_in, 1), silent, (Hostile.waits, 3))
    proof = (Hostile.proves, 0, 0, 0, 0)
    crowd = [pays(link)[0] for link in range(4)]
    again = (Hostile.syncs, 1, 1, 0, 0)
    whole = [
        (*begins, offer, *pays(0), verdict(0), yes),
        (*begins, offer, *pays(0), verdict(0), mend, offer, *pays(0), verdict(0), yes),
        (*begins, offer, *pays(1), verdict(1, reasons.BAD_SIGNATURE), *pays(2), yes, verdict(2)),
        (*begins, offer, *pays(3), silent, verdict(3), silent, yes, again, (Hostile.rings,)),
        (*begins, offer, (Hostile.goes,), again, *pays(4), verdict(4), yes),
        (*begins, offer, *crowd, *pays(4), yes, verdict(4)),
        (*begins, offer, leaves, *pays(0), (Hostile.waits, 1), yes, verdict(0)),
        (*begins, offer, *pays(0), verdict(0), *offline, proof, proof, (Hostile.rings,)),
        (begins[0], (Hostile.rings_back,), offer, *pays(0), verdict(0), yes),
    ]
    return [script(_STEPS, *steps) for steps in whole]
