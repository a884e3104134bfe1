"""One sale as one transition table, from rung up to its one end."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import NamedTuple

from receiver import reasons, session


class State(StrEnum):
    OPEN = "open"  # waits for a buyer
    CLAIMED = "claimed"  # a phone has shown a good credential
    HANDED = "handed"  # an approval is in the journal, and is judged here
    ASKED = "asked"  # the authority was asked; neither it nor the receiver has spoken
    SILENT = "silent"  # the authority did not answer, and the receiver has not spoken
    GRANTED = "granted"  # the authority says yes, the receiver has not spoken
    WITHHELD = "withheld"  # the authority says no, the same: nobody is told yet
    AUTHORISING = "authorising"  # the receiver's verdict is there, the authority's is awaited
    UNKNOWN = "unknown"  # the same, and the authority did not answer; it is asked again
    REVERSING = "reversing"  # it is never asked again; the reversal is owed until acknowledged
    APPROVED = "approved"
    DECLINED = "declined"
    CANCELLED = "cancelled"


class Event(StrEnum):
    OFFERED = "offered"  # a verified offer
    CLAIMED = "claimed"  # a verified credential
    LEFT = "left"  # the last phone with a credential is gone or said no
    HANDED = "handed"  # the receiver handed an approval over
    REFUSED = "refused"  # that approval is no good here, and nothing was asked
    ASKED = "asked"  # the authorisation may have left the bridge
    VERIFIED = "verified"  # the receiver finds that approval good too
    UNANSWERED = "unanswered"
    GRANTED = "granted"
    WITHHELD = "withheld"  # declined: passed on with the receiver's word, as a yes is
    MENDABLE = "mendable"  # the decline is passed on, and a new offer follows by itself
    DENIED = "denied"  # it is passed on, and that was all
    RECALLED = (
        "recalled"  # refused after it was asked about: its reversal is owed, the sale goes on
    )
    RETURNED = "returned"  # the authority has reversed a recalled approval
    OWED = "owed"  # nobody waits any longer: the reversal is owed
    REVERSED = "reversed"  # and acknowledged
    ENDED = "ended"  # over, with nothing asked or all of it recalled


TABLE: dict[State, dict[Event, State]] = {
    State.OPEN: {
        Event.OFFERED: State.OPEN,
        Event.CLAIMED: State.CLAIMED,
        Event.LEFT: State.OPEN,
        Event.HANDED: State.HANDED,
        Event.DENIED: State.DECLINED,
        Event.RETURNED: State.OPEN,
        Event.ENDED: State.CANCELLED,
    },
    State.CLAIMED: {
        Event.OFFERED: State.OPEN,
        Event.CLAIMED: State.CLAIMED,
        Event.LEFT: State.OPEN,
        Event.HANDED: State.HANDED,
        Event.DENIED: State.DECLINED,
        Event.RETURNED: State.CLAIMED,
        Event.ENDED: State.CANCELLED,
    },
    State.HANDED: {
        Event.REFUSED: State.OPEN,
        Event.ASKED: State.ASKED,
        Event.ENDED: State.CANCELLED,
    },
    State.ASKED: {
        Event.VERIFIED: State.AUTHORISING,
        Event.UNANSWERED: State.SILENT,
        Event.GRANTED: State.GRANTED,
        Event.WITHHELD: State.WITHHELD,
        Event.RECALLED: State.OPEN,
        Event.RETURNED: State.ASKED,
        Event.OWED: State.REVERSING,
    },
    State.SILENT: {
        Event.VERIFIED: State.UNKNOWN,
        Event.UNANSWERED: State.SILENT,
        Event.GRANTED: State.GRANTED,
        Event.WITHHELD: State.WITHHELD,
        Event.RECALLED: State.OPEN,
        Event.RETURNED: State.SILENT,
        Event.OWED: State.REVERSING,
    },
    State.GRANTED: {
        Event.VERIFIED: State.APPROVED,
        Event.RECALLED: State.OPEN,
        Event.OWED: State.REVERSING,
    },
    # Whatever the receiver's word is, and if none comes, the decline stands. One entry, as in
    # GRANTED: a yes and a no spend the same time in the journal.
    State.WITHHELD: {Event.MENDABLE: State.OPEN, Event.DENIED: State.DECLINED},
    State.AUTHORISING: {
        Event.UNANSWERED: State.UNKNOWN,
        Event.GRANTED: State.APPROVED,
        Event.MENDABLE: State.OPEN,
        Event.DENIED: State.DECLINED,
        Event.RETURNED: State.AUTHORISING,
        Event.OWED: State.REVERSING,
    },
    State.UNKNOWN: {
        Event.UNANSWERED: State.UNKNOWN,
        Event.GRANTED: State.APPROVED,
        Event.MENDABLE: State.OPEN,
        Event.DENIED: State.DECLINED,
        Event.RETURNED: State.UNKNOWN,
        Event.OWED: State.REVERSING,
    },
    State.REVERSING: {Event.RETURNED: State.REVERSING, Event.REVERSED: State.CANCELLED},
    State.APPROVED: {},  # none is answered, and so none approved, before all others are returned
    State.DECLINED: {Event.RETURNED: State.DECLINED},
    State.CANCELLED: {Event.RETURNED: State.CANCELLED},
}


def _where(event: Event) -> frozenset[State]:
    """The states that know `event`."""
    return frozenset(state for state, exits in TABLE.items() if event in exits)


FINAL = frozenset(state for state, exits in TABLE.items() if {state} >= set(exits.values()))
WAITING = _where(Event.HANDED)  # for an approval
UNASKED = _where(Event.ENDED)  # the sale may end without a word to the authority
ASKING = _where(Event.UNANSWERED)  # the authority's answer is awaited
UNVERIFIED = _where(Event.VERIFIED) | {State.WITHHELD}  # the receiver's verdict is awaited
# What a restart may forget: these change no money and no promise.
VOLATILE = frozenset({Event.CLAIMED, Event.LEFT, Event.UNANSWERED})
# What the till sees; the others show under their own name.
SHOWN = {
    State.HANDED: State.CLAIMED,
    State.ASKED: State.AUTHORISING,
    State.SILENT: State.UNKNOWN,
    State.GRANTED: State.AUTHORISING,
    State.WITHHELD: State.AUTHORISING,
    State.REVERSING: State.UNKNOWN,
}


class IllegalMoveError(Exception):
    """Our own bug: an event that the sale's state does not know."""


class Terms(NamedTuple):
    """What the till asked for, of which receiver. Minor units, currency as ISO 4217 number."""

    sale_id: str
    till: int
    amount: int
    currency: int
    patience_s: int
    note: str
    reference: bytes
    receiver_id: bytes


@dataclass(frozen=True)
class Fact:
    """One event with all that it brings; empty fields change nothing."""

    event: Event
    reason: int = reasons.OK
    offer: bytes = b""
    approval: bytes = b""
    approval_id: bytes = b""
    record: bytes = b""
    receipt: bytes = b""
    transaction_id: bytes = b""
    evidence: bytes = b""  # what proves a lie
    reversal: bytes = b""  # the approval id that is to be reversed, or was


CARRIED = tuple(field.name for field in fields(Fact) if field.name not in ("event", "reason"))
_KEPT = tuple(name for name in CARRIED if name != "reversal")
_OF_ONE_APPROVAL = ("approval", "approval_id", "record", "receipt", "transaction_id")
_END_OF_AN_APPROVAL = (Event.REFUSED, Event.MENDABLE, Event.RECALLED)
# Beside what the till is told: the reason that stands there stays to be read.
_WITHOUT_REASON = (Event.OFFERED, Event.VERIFIED, Event.RETURNED)


class Sale:
    """A sale in memory: nothing but its terms and the facts that it took, in order."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.state = State.OPEN
        self.reason = reasons.OK
        self.withheld = reasons.OK  # why the authority declined, which nobody is told yet
        self.mended = 0
        self.offer = b""
        self.approval = b""
        self.approval_id = b""
        self.record = b""
        self.receipt = b""
        self.transaction_id = b""
        self.evidence = b""
        self.reversals: tuple[bytes, ...] = ()  # approval ids that are never asked about again
        self.owed: tuple[bytes, ...] = ()  # those of them that the authority still may hold

    def take(self, fact: Fact) -> None:
        """Apply one fact; raises IllegalMoveError for a pair that is not in the table."""
        after = TABLE[self.state].get(fact.event)
        if after is None:
            raise IllegalMoveError(f"{fact.event} in {self.state}")
        self.state = after
        if fact.event in _END_OF_AN_APPROVAL:
            self._forget_approval()
        if fact.event is Event.MENDABLE:
            self.mended += 1
        self._take_reason(fact)
        for name in _KEPT:
            if value := getattr(fact, name):
                setattr(self, name, value)
        self._take_reversal(fact)

    def given_back(self, approval_id: bytes) -> Fact:
        """That the authority has reversed an owed approval: the sale's own, or a recalled one."""
        own = self.state is State.REVERSING and approval_id == self.approval_id
        event = Event.REVERSED if own else Event.RETURNED
        return Fact(event, reasons.REVERSED, reversal=approval_id)

    @property
    def shown(self) -> State:
        """The state as the till sees it."""
        return SHOWN.get(self.state, self.state)

    @property
    def final(self) -> bool:
        return self.state in FINAL

    @property
    def occupies_till(self) -> bool:
        """Whether no other sale may begin at this till; an owed reversal bars nobody."""
        return not self.final and self.state is not State.REVERSING

    @property
    def match_code(self) -> str | None:
        return session.match_code(self.offer) if self.offer else None

    def _take_reason(self, fact: Fact) -> None:
        unsaid = fact.event is Event.WITHHELD
        self.withheld = fact.reason if unsaid else reasons.OK
        if fact.event not in _WITHOUT_REASON:
            self.reason = reasons.OK if unsaid else fact.reason

    def _take_reversal(self, fact: Fact) -> None:
        if fact.event in (Event.RECALLED, Event.OWED):
            self.reversals += (fact.reversal,)
            self.owed += (fact.reversal,)
        elif fact.event in (Event.RETURNED, Event.REVERSED):
            self.owed = tuple(name for name in self.owed if name != fact.reversal)

    def _forget_approval(self) -> None:
        for name in _OF_ONE_APPROVAL:
            setattr(self, name, b"")
