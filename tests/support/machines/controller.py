"""A desk with everything around it scripted: what it puts out is there to read."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from bridge.domain import effects, inputs, offline
from bridge.domain.controller import Controller
from bridge.domain.effects import Check
from bridge.domain.sale import Sale, Terms
from bridge.domain.verification import Evidence
from receiver import reasons
from receiver.crypto import host
from receiver.link import wire
from receiver.protocol import identifiers, messages
from simulator.authority.keys import Keys
from tests.support.values import evidence
from tests.support.values.steps import Steps

AT = 1_800_000_000  # seconds since 1970
TILL = 3
PATIENCE_S = 25
LINK = 0  # a valid link like any other
RECEIVER = evidence.seed("receiver")
PHONE = evidence.seed("phone")
BRIDGE_ID = b"bridge01"

Output = TypeVar("Output")


class Purchase(NamedTuple):
    """What one phone brings for one offer."""

    credential: bytes
    approval: bytes
    approval_id: bytes


class StandIn:
    """Says yes in the authority's place where a test wants that."""

    def __init__(self) -> None:
        self.willing = False

    def accepts(self, sale: Sale) -> offline.Accepted | None:
        return offline.accept(sale, AT) if self.willing else None


class ControllerWorld:
    """One desk, a receiver that says what the test says, and a clock that the test moves."""

    def __init__(self, directory: Path) -> None:
        self.keys = Keys(directory / "authority-keys.json")
        self.certificate = evidence.certificate(self.keys, RECEIVER, AT)
        self.stand_in = StandIn()
        self.clock_wrong = False
        self.evidence = Evidence(host, self.keys.pins(), self.certificate)
        self.controller = Controller(self.stand_in, lambda: self.clock_wrong)
        self.now = 1_000
        self.at = AT
        self.outputs: list[Any] = []
        self.steps = Steps(
            lambda: (self.controller.sale and self.controller.sale.state, self.outputs[-3:])
        )
        self._sequence = 0
        self._counter = 0

    # Inputs.

    def give(self, event: inputs.Input) -> None:
        """One input, with the checks that it asks for."""
        found = deque(self.controller.handle(event, self.now))
        while found:
            self.steps.take()
            effect = found.popleft()
            if isinstance(effect, Check):
                answer = self.evidence.answer(effect)
                found.extendleft(reversed(self.controller.handle(answer, self.now)))
                continue
            self.outputs.append(effect)
            if isinstance(effect, effects.Persist):  # as the books do
                effect.sale.date(effect.fact.event, AT, effect.after)

    def hear(self, channel: int, value: Any) -> None:
        """A message from the receiver."""
        self.give(inputs.MessageReceived(channel, wire.encode(channel, value), self.at))

    def sync(self, reference: bytes = b"", offer: bytes = b"") -> None:
        self.hear(wire.SYNC, wire.Opened(reference, offer, reasons.OK))

    def begin(self, *sale: Any) -> Sale:
        """The receiver is there, and the till has rung up."""
        self.sync()
        return self.ring(*sale)

    def ring(self, sale_id: str = "sale-0123456789ab", amount: int = 24_900) -> Sale:
        reference = identifiers.sale_reference(BRIDGE_ID, TILL, sale_id)
        self.give(
            inputs.Ring(
                Terms(
                    sale_id,
                    TILL,
                    amount,
                    evidence.SEK,
                    PATIENCE_S,
                    "",
                    reference,
                    evidence.RECEIVER_ID,
                    store=101,
                )
            )
        )
        return self.sale

    def move(self, milliseconds: int) -> None:
        self.now += milliseconds
        self.at += milliseconds // 1000
        due = self.controller.due
        if due is not None and due <= self.now:
            self.give(inputs.TimeElapsed())

    # What the receiver and the phone would say.

    @property
    def sale(self) -> Sale:
        assert self.controller.sale is not None
        return self.controller.sale

    def make_offer(self, **changes: Any) -> bytes:
        """An honest offer for the sale at hand, but for `changes`."""
        self._sequence += 1
        terms = self.sale.terms
        honest: dict[str, Any] = {
            "sequence": self._sequence,
            "amount": terms.amount,
            "till": terms.till,
            "reference": terms.reference,
            "ttl": PATIENCE_S,
        }
        return evidence.offer(RECEIVER, self.certificate, self.at, **(honest | changes))

    def offer(self, **changes: Any) -> bytes:
        """The receiver answers OPEN."""
        data = self.make_offer(**changes)
        self.hear(wire.OFFER, wire.Opened(self.sale.terms.reference, data, reasons.OK))
        return data

    def purchase(self, offer: bytes, *, phone: bytes = PHONE, **changes: Any) -> Purchase:
        self._counter += 1
        values = {"counter": self._counter} | changes
        credential = evidence.credential(self.keys, phone, self.at)
        approval = evidence.approval(phone, self.certificate, offer, credential, **values)
        name = evidence.approval_id(self.certificate, offer, credential, approval)
        return Purchase(credential, approval, name)

    def present(self, offer: bytes, credential: bytes, link: int = LINK) -> None:
        hashed = identifiers.certificate_hash(self.certificate)
        record = wire.CredentialRecord(link, hashed, offer, evidence.ENC, credential)
        self.hear(wire.CREDENTIAL, record)

    def approve(self, offer: bytes, approval: bytes, link: int = LINK) -> None:
        record = wire.ApprovalRecord(identifiers.session_id(offer), link, approval)
        self.hear(wire.APPROVAL, record)

    def judge(self, offer: bytes, approval_id: bytes, reason: int = reasons.OK) -> None:
        verdict = wire.Verdict(identifiers.session_id(offer), approval_id, reason)
        self.hear(wire.VERDICT, verdict)

    def bring(self, offer: bytes, purchase: Purchase, link: int = LINK) -> None:
        """All that one phone has for an offer."""
        self.present(offer, purchase.credential, link)
        self.approve(offer, purchase.approval, link)

    def hand(self, offer: bytes, *, phone: bytes = PHONE, **changes: Any) -> Purchase:
        """A phone pays: the authority is asked while the receiver verifies."""
        purchase = self.purchase(offer, phone=phone, **changes)
        self.bring(offer, purchase)
        return purchase

    def buy(self, offer: bytes, *, phone: bytes = PHONE) -> Purchase:
        """A phone pays and the receiver agrees: only the authority's answer is awaited."""
        purchase = self.hand(offer, phone=phone)
        self.judge(offer, purchase.approval_id)
        return purchase

    def asked(self) -> Purchase:
        """From nothing to a verified approval that the authority was asked about."""
        self.begin()
        return self.buy(self.offer())

    def receipt(
        self, approval_id: bytes, reason: int = reasons.OK, changes: dict[str, Any] | None = None
    ) -> bytes:
        """An honest receipt for the sale at hand, but for `changes`."""
        approved = reason == reasons.OK
        terms = self.sale.terms
        value = messages.Receipt(
            messages.VERSION,
            messages.APPROVED if approved else messages.DECLINED,
            approval_id,
            terms.amount,
            terms.currency,
            evidence.seed("transaction")[:16] if approved else messages.NO_TRANSACTION,
            self.at,
            101,
            terms.till,
            reason,
        )
        return self.keys.receipt(value._replace(**(changes or {})))

    def answer(self, approval_id: bytes, reason: int = reasons.OK) -> None:
        """The authority says yes, or no for `reason`."""
        self.give(inputs.AuthorityAnswered(approval_id, self.receipt(approval_id, reason)))

    # Outputs.

    def take(self, kind: type[Output]) -> list[Output]:
        """All outputs of one kind since the last time; the others stay."""
        found = [output for output in self.outputs if isinstance(output, kind)]
        self.outputs = [output for output in self.outputs if not isinstance(output, kind)]
        return found

    def kinds(self) -> list[type]:
        """Of all outputs, in their order; they stay."""
        return [type(output) for output in self.outputs]

    def sent(self) -> list[tuple[int, Any]]:
        """What went to the receiver since the last time."""
        return [
            (out.channel, wire.decode(out.channel, out.payload)) for out in self.take(effects.Send)
        ]

    def refusals(self) -> list[int]:
        return [out.reason for out in self.take(effects.Refuse)]
