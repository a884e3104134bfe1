"""One sale as one transition table, from rung up to its one end."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import NamedTuple

from receiver import reasons, session


class State(StrEnum):
    OPEN = "open"  # waits for a buyer
    CLAIMED = "claimed"  # a phone has shown a good credential
    HANDED = "handed"  # an approval is in the journal, the receiver's verdict is awaited
    AUTHORISING = "authorising"  # the authority was asked
    UNKNOWN = "unknown"  # it did not answer, and is asked again
    REVERSING = "reversing"  # it is never asked again; the reversal is owed until acknowledged
    APPROVED = "approved"
    DECLINED = "declined"
    CANCELLED = "cancelled"


class Event(StrEnum):
    OFFERED = "offered"  # a verified offer
    CLAIMED = "claimed"  # a verified credential
    LEFT = "left"  # the last phone with a credential is gone or said no
    HANDED = "handed"  # the receiver handed an approval over
    REFUSED = "refused"  # that approval is no good, for bridge or receiver
    ASKED = "asked"  # the authorisation may have left the bridge
    UNANSWERED = "unanswered"
    GRANTED = "granted"
    MENDABLE = "mendable"  # declined, and a new offer follows by itself
    DENIED = "denied"
    OWED = "owed"  # nobody waits any longer: the reversal is owed
    REVERSED = "reversed"
    ENDED = "ended"  # over before anything was asked


TABLE: dict[State, dict[Event, State]] = {
    State.OPEN: {
        Event.OFFERED: State.OPEN,
        Event.CLAIMED: State.CLAIMED,
        Event.LEFT: State.OPEN,
        Event.HANDED: State.HANDED,
        Event.DENIED: State.DECLINED,
        Event.ENDED: State.CANCELLED,
    },
    State.CLAIMED: {
        Event.OFFERED: State.OPEN,
        Event.CLAIMED: State.CLAIMED,
        Event.LEFT: State.OPEN,
        Event.HANDED: State.HANDED,
        Event.DENIED: State.DECLINED,
        Event.ENDED: State.CANCELLED,
    },
    State.HANDED: {
        Event.REFUSED: State.OPEN,
        Event.ASKED: State.AUTHORISING,
        Event.ENDED: State.CANCELLED,
    },
    State.AUTHORISING: {
        Event.UNANSWERED: State.UNKNOWN,
        Event.GRANTED: State.APPROVED,
        Event.MENDABLE: State.OPEN,
        Event.DENIED: State.DECLINED,
        Event.OWED: State.REVERSING,
    },
    State.UNKNOWN: {
        Event.UNANSWERED: State.UNKNOWN,
        Event.GRANTED: State.APPROVED,
        Event.MENDABLE: State.OPEN,
        Event.DENIED: State.DECLINED,
        Event.OWED: State.REVERSING,
    },
    State.REVERSING: {Event.REVERSED: State.CANCELLED},
    State.APPROVED: {},
    State.DECLINED: {},
    State.CANCELLED: {},
}

FINAL = frozenset(state for state, exits in TABLE.items() if not exits)
# Nothing was asked: the sale may end without a word to the authority.
UNASKED = frozenset({State.OPEN, State.CLAIMED, State.HANDED})
ASKING = frozenset({State.AUTHORISING, State.UNKNOWN})
# What a restart may forget: these change no money and no promise.
VOLATILE = frozenset({Event.CLAIMED, Event.LEFT, Event.UNANSWERED})
# What the till sees; the others show under their own name.
SHOWN = {State.HANDED: State.CLAIMED, State.REVERSING: State.UNKNOWN}


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


CARRIED = tuple(field.name for field in fields(Fact) if field.name not in ("event", "reason"))
_OF_ONE_APPROVAL = ("approval", "approval_id", "record", "receipt")


class Sale:
    """A sale in memory: nothing but its terms and the facts that it took, in order."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.state = State.OPEN
        self.reason = reasons.OK
        self.mended = 0
        self.offer = b""
        self.approval = b""
        self.approval_id = b""
        self.record = b""
        self.receipt = b""
        self.transaction_id = b""
        self.evidence = b""

    def take(self, fact: Fact) -> None:
        """Apply one fact; raises IllegalMoveError for a pair that is not in the table."""
        after = TABLE[self.state].get(fact.event)
        if after is None:
            raise IllegalMoveError(f"{fact.event} in {self.state}")
        self.state = after
        if fact.event in (Event.REFUSED, Event.MENDABLE):
            self._forget_approval()
        if fact.event is Event.MENDABLE:
            self.mended += 1
        if fact.event is not Event.OFFERED:  # the reason of a new offer stays to be read
            self.reason = fact.reason
        for name in CARRIED:
            if value := getattr(fact, name):
                setattr(self, name, value)

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

    def _forget_approval(self) -> None:
        for name in _OF_ONE_APPROVAL:
            setattr(self, name, b"")
