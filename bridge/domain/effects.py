"""The effects that a controller asks for: plain values, carried out in order; and their collector.

A fact is on the disk before any effect outside follows from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from receiver.link import wire
from receiver.protocol import messages

from .events import BRIDGE
from .sale import Fact
from .states import VOLATILE, Event

if TYPE_CHECKING:
    from receiver.protocol.validation import Named, Offered

    from .phones import Phone
    from .sale import Sale, Terms
    from .verification import Claim


class BeginSale(Struct, frozen=True):
    """Journal a new sale's terms, and publish it; `after` is a copy."""

    sale: Sale
    after: Sale
    source: str


class Persist(Struct, frozen=True):
    """Journal a fact, and publish it; `after` is a copy of the sale just after it."""

    sale: Sale
    after: Sale
    fact: Fact
    source: str


class Publish(Struct, frozen=True):
    """Publish what no restart needs to know; `after` is a copy of the sale just after it."""

    after: Sale
    event: Event
    source: str


class Acknowledge(Struct, frozen=True):
    """Acknowledge the message that came in: the bridge is now responsible for it."""


class Send(Struct, frozen=True):
    """A message to the receiver."""

    channel: int
    payload: bytes


class RequestAuthorisation(Struct, frozen=True):
    """Ask the authority until an answer or a reversal ends the request.

    First every owed reversal of the sale is acknowledged: the authority has one hold for each sale.
    """

    sale: Sale
    approval_id: bytes
    record: bytes


class StopAuthorisation(Struct, frozen=True):
    """Stop asking about the current approval: it was accepted offline, and is uploaded later."""


class QueueReversal(Struct, frozen=True):
    """Stop asking about this approval, for ever; reverse it until that is acknowledged."""

    sale: Sale
    approval_id: bytes


class QueueConfirmation(Struct, frozen=True):
    """The till has decided for the sale: confirm it until it is posted."""

    sale: Sale


class ReportPhone(Struct, frozen=True):
    """Report an act of a phone to watchers; `furthest` is what the receiver's phones do now."""

    event: int
    link: int
    reason: int
    furthest: Phone


class Refuse(Struct, frozen=True):
    """Count and log a refusal."""

    reason: int
    detail: str


class CheckOffer(Struct, frozen=True):
    """Check that this is the receiver's offer for these terms."""

    terms: Terms
    data: bytes
    at: int


class CheckCredential(Struct, frozen=True):
    """Check the credential that a phone has shown for this offer."""

    offered: Offered
    record: wire.CredentialRecord
    at: int


class CheckApproval(Struct, frozen=True):
    """Check that the phone signed this approval; `data` are its bytes."""

    offered: Offered
    claim: Claim
    named: Named
    data: bytes
    at: int


class CheckReceipt(Struct, frozen=True):
    """Check that this is the authority's receipt for this approval of this sale."""

    terms: Terms
    approval_id: bytes
    data: bytes


class CheckProvisional(Struct, frozen=True):
    """Check that the receiver signed this provisional receipt of an offline approval."""

    terms: Terms
    approval_id: bytes
    data: bytes


Check = CheckOffer | CheckCredential | CheckApproval | CheckReceipt | CheckProvisional
Order = (
    BeginSale
    | Persist
    | Publish
    | Acknowledge
    | Send
    | RequestAuthorisation
    | StopAuthorisation
    | QueueReversal
    | QueueConfirmation
    | ReportPhone
    | Refuse
)
Effect = Order | Check


class Effects:
    """The effects of one input, in order."""

    def __init__(self) -> None:
        self.synced = False  # the receiver is there and has sent its open session
        self.found: list[Effect] = []

    def put(self, effect: Effect) -> None:
        self.found.append(effect)

    def begin(self, sale: Sale, source: str) -> None:
        self.found.append(BeginSale(sale, sale.copy(), source))

    def persist(self, sale: Sale, fact: Fact, source: str) -> None:
        """Apply `fact`, journal and publish it; raises IllegalMoveError."""
        after = sale.after(fact)
        if fact.event in VOLATILE:
            self.found.append(Publish(after, fact.event, source))
        else:
            self.found.append(Persist(sale, after, fact, source))

    def owe(self, sale: Sale, event: Event, reason: int) -> None:
        """Journal an owed reversal of the current approval; it is never asked about again."""
        self.decide(sale, Fact(event, reason, reversal=sale.approval_id), BRIDGE)

    def decide(self, sale: Sale, fact: Fact, source: str) -> None:
        """Persist a decision, and queue what the bridge owes the authority for it."""
        self.persist(sale, fact, source)
        if fact.reversal:
            self.put(QueueReversal(sale, fact.reversal))
        elif fact.event is Event.PAID:
            self.put(QueueConfirmation(sale))

    def refuse(self, reason: int, detail: str) -> None:
        self.found.append(Refuse(reason, detail))

    def send(self, channel: int, value: Any) -> None:
        """Send a message to the receiver; while it is away none, as its next SYNC replaces it."""
        if self.synced:
            self.found.append(Send(channel, wire.encode(channel, value)))

    def order(self, terms: Terms, left: int) -> None:
        """Order an offer that expires no later than the till's patience (`left`, ms)."""
        seconds = -(-left // 1000)
        order = wire.Open(
            terms.reference,
            terms.kind,
            terms.amount,
            terms.currency,
            terms.till,
            max(1, min(messages.TTL_MOST_S, seconds)),
            terms.original,
        )
        self.send(wire.OPEN, order)

    def cancel(self, sale: Sale) -> None:
        """End the receiver's session with the sale."""
        self.send(wire.CANCEL, wire.Cancel(sale.terms.reference, sale.reason))

    def verdict(self, session: bytes, approval_id: bytes, reason: int) -> None:
        self.send(wire.VERDICT, wire.Verdict(session, approval_id, reason))
