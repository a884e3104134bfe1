"""The radio peer machine: one phone's link, from connection to result (design §3.2, §3.4)."""

from __future__ import annotations

from receiver import reasons, statemachine
from receiver.protocol import gatt

from .sealed_exchange import Sealed

# States.
JOINED = "joined"  # connected, MTU not agreed
READY = "ready"  # checked in: no offer to show
OFFERED = "offered"  # an offer lies there to be read
KEYED = "keyed"  # the phone has shown the offer and sent its key
PRESENTED = "presented"  # its credential is here
APPROVED = "approved"  # its approval is here
ANSWERED = "answered"  # the result went out
PARTING = "parting"  # refused, and the refusal waits for the key to seal it with
CLOSED = "closed"

# Events.
MTU = "mtu"
OFFER = "offer"
WITHDRAWN = "withdrawn"
KEY = "key"
CREDENTIAL = "credential"
APPROVAL = "approval"
ANSWER = "answer"
TOO_LATE = "too late"  # the offer is withdrawn, and nothing can be sealed yet
END = "end"  # the phone left, was refused, ran out of time or is gone

TABLE = {
    JOINED: {MTU: READY, OFFER: JOINED, WITHDRAWN: JOINED, END: CLOSED},
    READY: {OFFER: OFFERED, WITHDRAWN: READY, TOO_LATE: PARTING, END: CLOSED},
    OFFERED: {OFFER: OFFERED, WITHDRAWN: READY, TOO_LATE: PARTING, KEY: KEYED, END: CLOSED},
    KEYED: {
        OFFER: OFFERED,
        WITHDRAWN: READY,
        TOO_LATE: PARTING,
        CREDENTIAL: PRESENTED,
        END: CLOSED,
    },
    PRESENTED: {
        OFFER: OFFERED,
        WITHDRAWN: READY,
        TOO_LATE: PARTING,
        APPROVAL: APPROVED,
        END: CLOSED,
    },
    APPROVED: {
        OFFER: OFFERED,
        WITHDRAWN: READY,
        TOO_LATE: PARTING,
        ANSWER: ANSWERED,
        END: CLOSED,
    },
    ANSWERED: {OFFER: OFFERED, WITHDRAWN: ANSWERED, ANSWER: ANSWERED, END: CLOSED},
    PARTING: {CREDENTIAL: PARTING, APPROVAL: PARTING, END: CLOSED},  # not known there yet
    CLOSED: {},
}

# What a link in this state may still do before it is cut, milliseconds from entering the state. An
# answer may be asked for again, and the result key lives as long.
STATE_MS = {
    JOINED: gatt.MTU_MS,
    READY: gatt.CHECK_IN_MS,
    OFFERED: gatt.KEY_MS,
    ANSWERED: gatt.CHECK_IN_MS,
    PARTING: gatt.PART_MS,
}

# A context belongs to one link and one offer.
_ENDS_EXCHANGE = (OFFER, WITHDRAWN, END)


class Peer:
    """One link. `end` is when the offer that it was shown ends (ms)."""

    def __init__(self, link: int, now: int) -> None:
        self.link = link
        self.joined = now
        self.entered = now
        self.state = JOINED
        self.end = 0
        self.refusal = reasons.OK  # what a parting phone is to be told
        self.sealed = Sealed(b"")

    def forget(self) -> None:
        """Erase everything that belonged to the last offer."""
        self.sealed.erase()
        self.sealed = Sealed(b"")

    def handle(self, event: str, now: int) -> None:
        """Take one event; raises Error(WRONG_ORDER) where the table has no such pair."""
        before = self.state
        self.state = statemachine.step(TABLE, before, event)
        if self.state != before or event == OFFER:
            self.entered = now
        if event in _ENDS_EXCHANGE and self.state != ANSWERED:
            self.forget()

    def part(self, reason: int, now: int) -> None:
        """Refuse it for `reason` as soon as there is a key to seal that with."""
        self.handle(TOO_LATE, now)
        self.refusal = reason

    @property
    def has_key(self) -> bool:
        return self.state in (KEYED, PRESENTED, APPROVED)

    @property
    def is_leaving(self) -> bool:
        """Whether nothing but its end is to come."""
        return self.state in (PARTING, CLOSED)

    def place(self) -> int:
        """Until when no newcomer drives this link out, while it has sent no key (ms)."""
        return self.entered + gatt.PLACE_MS

    def deadline(self) -> int:
        """When this link is to be cut (ms)."""
        if self.has_key:
            return self.end + gatt.GRACE_MS
        parting = self.state == PARTING
        latest = self.end + gatt.GRACE_MS if parting else self.joined + gatt.LINK_MS
        return min(self.entered + STATE_MS[self.state], latest)
