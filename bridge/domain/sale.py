"""One sale, or one refund: its terms, and its facts in order."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from receiver import reasons
from receiver.protocol import identifiers, messages

from .phones import Phone
from .states import (
    AT_THE_TILL,
    DECIDED,
    FINAL,
    SHOWN,
    TABLE,
    TO_DECIDE,
    UNPAID,
    Event,
    State,
)


class IllegalMoveError(Exception):
    """An event that the sale's state does not allow: a bug of the bridge."""


class Place(NamedTuple):
    """A till's number and its receiver, now or when a sale was made."""

    till: int
    receiver_id: bytes


class Terms(NamedTuple):
    """The till's order and its receiver. Minor units, currency as ISO 4217 number.

    A refund names the transaction that it refunds, and the sale if this bridge has it.
    """

    sale_id: str
    till: int
    amount: int
    currency: int
    patience_s: int
    note: str
    reference: bytes
    receiver_id: bytes
    kind: int = messages.PURCHASE
    original: bytes = b""
    original_sale: str = ""
    store: int | None = None  # from the receiver's certificate at that time; None if taken over

    @property
    def place(self) -> Place:
        return Place(self.till, self.receiver_id)


class Fact(Struct, frozen=True):
    """One event with its data; empty fields change nothing."""

    event: Event
    reason: int = reasons.OK
    offer: bytes = b""
    approval: bytes = b""
    approval_id: bytes = b""
    record: bytes = b""
    receipt: bytes = b""
    transaction_id: bytes = b""
    provisional: bytes = b""  # the receiver's receipt of an offline approval
    evidence: bytes = b""  # the proof of a false statement
    reversal: bytes = b""  # the approval id that is to be reversed, or was
    # The code proof in `approval` or `record`, if it is known: the journal stores it apart.
    secret: bytes = b""


CARRIED = tuple(
    name for name in Fact.__struct_fields__ if name not in ("event", "reason", "secret")
)
_END_OF_AN_APPROVAL = (Event.REFUSED, Event.MENDABLE, Event.RECALLED)
_ENDS_OF_A_REVERSAL = (
    *(Event.RECALL_REVERSED, Event.REVERSED),
    *(Event.PAID_AFTER_ALL, Event.REFUND_OWED),
)
# These do not change the till's view: the reason that it shows stays.
_WITHOUT_REASON = frozenset(
    {
        *(Event.OFFERED, Event.VERIFIED, Event.RECALL_REVERSED, Event.REVERSED),
        *(Event.TILL_NOTIFIED, Event.PAID, Event.PROVISIONAL_RECEIPT, Event.UPLOADED, Event.POSTED),
        Event.REFUND_OWED,
    }
)
# Totals count a sale on the day of the first of these events.
_DECISIONS = frozenset(
    {Event.CANCELLED, Event.DECLINED, Event.REVERSAL_OWED, Event.PAID, Event.REFUND_ORDERED}
)


class Sale:
    """A sale in memory, made only from its terms and its facts in order, but for `phone`.

    Times are milliseconds since 1970, as in the journal.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.state = State.OPEN
        self.reason = reasons.OK
        self.withheld = reasons.OK  # why the authority declined, not shown yet
        self.mode = messages.ONLINE
        self.mended = 0
        self.offer = b""
        self.approval = b""
        self.approval_id = b""
        self.record = b""
        self.receipt = b""
        self.transaction_id = b""
        self.provisional = b""
        self.evidence = b""
        self.reversals: tuple[bytes, ...] = ()  # approval ids that are never asked about again
        self.owed: tuple[bytes, ...] = ()  # those that the authority may still hold
        self.refunded_in_full = False  # posted before its reversal came: it is refunded
        self.approved_at = 0
        self.decided_at = 0
        self.phone = Phone.NONE  # at its receiver, for the cashier; no fact, and not journalled

    def copy(self) -> Sale:
        """Return a copy of the current sale; the generic way takes five times as long."""
        twin = object.__new__(Sale)
        twin.__dict__.update(self.__dict__)
        return twin

    def after(self, fact: Fact) -> Sale:
        """Apply one fact, as `take` does, and return a copy of the sale just after it."""
        self.take(fact)
        return self.copy()

    def take(self, fact: Fact) -> None:
        """Apply one fact; raises IllegalMoveError if the table does not have state and event."""
        after = TABLE[self.state].get(fact.event)
        if after is None:
            raise IllegalMoveError(f"{fact.event} in {self.state}")
        self.state = after
        if fact.event in _END_OF_AN_APPROVAL or self._is_another(fact):
            self._forget_approval()
        if fact.event is Event.MENDABLE:
            self.mended += 1
        if fact.event is Event.ACCEPTED_OFFLINE:
            self.mode = messages.OFFLINE
        if fact.event is Event.REFUND_OWED:
            self.refunded_in_full = True
        self._take_reason(fact)
        self.offer = fact.offer or self.offer
        self.approval = fact.approval or self.approval
        self.approval_id = fact.approval_id or self.approval_id
        self.record = fact.record or self.record
        self.receipt = fact.receipt or self.receipt
        self.transaction_id = fact.transaction_id or self.transaction_id
        self.provisional = fact.provisional or self.provisional
        self.evidence = fact.evidence or self.evidence
        if fact.reversal:
            self._take_reversal(fact)

    def date(self, event: Event, at: int, after: Sale) -> bool:
        """Store when `event` was journalled, and led to `after`; return whether that is closed."""
        if after.state in TO_DECIDE and not self.approved_at:
            self.approved_at = at
        if event in _DECISIONS and not self.decided_at:
            self.decided_at = at
        return after.closed

    def given_back(self, approval_id: bytes) -> Fact:
        """Return the fact that an owed approval, the sale's own or a recalled one, is reversed."""
        own = self.state is State.REVERSING and approval_id == self.approval_id
        event = Event.REVERSED if own else Event.RECALL_REVERSED
        return Fact(event, reasons.REVERSED, reversal=approval_id)

    @property
    def cancelled_by_till(self) -> bool:
        """Whether the till or its cashier cancelled the sale, and not the bridge by itself."""
        return self.reason == reasons.CASHIER_CANCELLED

    def denied(self, reason: int, receipt: bytes = b"") -> Fact:
        """Return the fact of a final decline; `receipt` if the journal does not have it yet.

        Without one the record was refused: it is in no books, and its phone asks the authority,
        so that a reversal is owed all the same.
        """
        unbooked = b"" if receipt or self.receipt else self.approval_id
        return Fact(Event.DECLINED, reason, receipt=receipt, reversal=unbooked)

    @property
    def shown(self) -> State:
        """The state as the till sees it."""
        return SHOWN.get(self.state, self.state)

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def closed(self) -> bool:
        """Whether the sale never changes again."""
        return self.final and not self.owed

    @property
    def answered(self) -> bool:
        """Whether the till's wait is over; a refund only once its outcome is certain."""
        if self.is_refund:
            return self.final or self.unpaid
        return self.state not in AT_THE_TILL or self.state is State.APPROVED

    @property
    def unpaid(self) -> bool:
        """Whether it is certain that no money moves."""
        return self.state in UNPAID

    @property
    def is_refund(self) -> bool:
        return self.terms.kind == messages.REFUND

    @property
    def is_decided(self) -> bool:
        """Whether the sale is decided."""
        return self.state in DECIDED

    @property
    def unsent(self) -> bool:
        """Whether the sale has an offline approval that the authority has not seen."""
        standing = self.state in (*TO_DECIDE, State.PAID)
        return standing and self.mode == messages.OFFLINE and not self.receipt

    @property
    def match_code(self) -> str | None:
        return identifiers.match_code(self.offer) if self.offer else None

    def _take_reason(self, fact: Fact) -> None:
        unsaid = fact.event is Event.DECLINED_AWAITING_RECEIVER
        self.withheld = fact.reason if unsaid else reasons.OK
        if fact.event not in _WITHOUT_REASON:
            self.reason = reasons.OK if unsaid else fact.reason

    def _take_reversal(self, fact: Fact) -> None:
        if fact.event in _ENDS_OF_A_REVERSAL:
            self.owed = tuple(name for name in self.owed if name != fact.reversal)
        else:
            self.reversals += (fact.reversal,)
            self.owed += (fact.reversal,)

    def _is_another(self, fact: Fact) -> bool:
        """Whether the authority holds another approval than the one in the journal."""
        return fact.event is Event.ADOPTED and fact.approval_id != self.approval_id

    def _forget_approval(self) -> None:
        self.approval = self.approval_id = self.record = self.receipt = self.transaction_id = b""
