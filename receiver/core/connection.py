"""Follow one phone's link from connection to result (design §3.2, §3.4)."""

from __future__ import annotations

from receiver import reasons, statemachine
from receiver.protocol import exchange, gatt

from .sealed_exchange import Sealed

# States.
JOINED = "joined"  # connected, MTU not agreed
READY = "ready"  # checked in: no offer to show
OFFERED = "offered"  # an offer is ready to read
KEYED = "keyed"  # the phone has shown the offer and sent its key
PRESENTED = "presented"  # its credential has arrived
APPROVED = "approved"  # its approval has arrived
ANSWERED = "answered"  # the result was sent
PARTING = "parting"  # refused; the refusal waits for the key that seals it, or cannot be sent
CLOSED = "closed"

# Events.
MTU = "mtu"
OFFER = "offer"
WITHDRAWN = "withdrawn"
KEY = "key"
CREDENTIAL = "credential"
APPROVAL = "approval"
ANSWER = "answer"
RESUMED = "resumed"  # the exchange of a lost link goes on here, and this link is its
TOO_LATE = "too late"  # the offer is withdrawn before there is a key to seal the refusal
END = "end"  # the phone left, was refused, ran out of time or disconnected

TABLE = {
    JOINED: {MTU: READY, OFFER: JOINED, WITHDRAWN: JOINED, TOO_LATE: PARTING, END: CLOSED},
    READY: {
        OFFER: OFFERED,
        WITHDRAWN: READY,
        TOO_LATE: PARTING,
        RESUMED: CLOSED,
        END: CLOSED,
    },
    OFFERED: {
        OFFER: OFFERED,
        WITHDRAWN: READY,
        TOO_LATE: PARTING,
        KEY: KEYED,
        RESUMED: CLOSED,
        END: CLOSED,
    },
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
    PARTING: {CREDENTIAL: PARTING, APPROVAL: PARTING, END: CLOSED},  # the phone has not heard of it
    CLOSED: {},
}

# How long a link may stay in each state, milliseconds from entering it. After an answer the phone
# may ask again, and the result key lives as long.
STATE_MS = {
    JOINED: gatt.MTU_MS,
    READY: gatt.CHECK_IN_MS,
    OFFERED: gatt.KEY_MS,
    ANSWERED: gatt.CHECK_IN_MS,
    PARTING: gatt.PART_MS,
}

# The last message that a phone's exchange holds in each state, as it is told on its return.
_HELD = {
    KEYED: exchange.KEY,
    PRESENTED: exchange.CREDENTIAL,
    APPROVED: exchange.APPROVAL,
    ANSWERED: exchange.APPROVAL,
}

# A context belongs to one phone and one offer.
_ENDS_EXCHANGE = (OFFER, WITHDRAWN, END)


class Peer:
    """One phone, on its link or, after a loss, without one for a while.

    `end` is when the offer shown to it ends (ms), `kept` until when a lost link is waited for.
    """

    def __init__(self, link: int, now: int) -> None:
        self.link = link
        self.joined = now
        self.entered = now
        self.state = JOINED
        self.end = 0
        self.kept = 0
        self.is_missed = False  # whether its link was lost before it had an answer
        self.claim = b""  # what it has asked to go on with
        self.refusal = reasons.OK  # what to tell a parting phone
        self.is_told = False  # whether the bridge knows of this phone
        self.sealed = Sealed(b"")

    def forget(self) -> None:
        """Erase everything that belongs to the last offer."""
        self.sealed.erase()
        self.sealed = Sealed(b"")

    def handle(self, event: str, now: int) -> None:
        """Apply one event; raise Error(WRONG_ORDER) where the table has no such pair."""
        before = self.state
        self.state = statemachine.step(TABLE, before, event)
        if self.state != before or event == OFFER:
            self.entered = now
        if event in _ENDS_EXCHANGE and self.state != ANSWERED:
            self.forget()

    def part(self, reason: int, now: int) -> None:
        """Refuse it for `reason` as soon as there is a key to seal the refusal with."""
        self.handle(TOO_LATE, now)
        self.refusal = reason

    @property
    def has_key(self) -> bool:
        return self.state in (KEYED, PRESENTED, APPROVED)

    @property
    def may_return(self) -> bool:
        """Whether its exchange waits for the phone if the link is lost."""
        return self.has_key or self.state == ANSWERED

    def held(self) -> int:
        """Return the type of the last message that its exchange holds, or NOTHING."""
        return _HELD.get(self.state, exchange.NOTHING)

    @property
    def is_leaving(self) -> bool:
        """Whether only its end is still to come."""
        return self.state in (PARTING, CLOSED)

    def place(self) -> int:
        """Return until when no newcomer can evict this link without a key (ms)."""
        return self.entered + gatt.PLACE_MS

    def deadline(self) -> int:
        """Return when to close this link (ms)."""
        if self.has_key:
            return self.end + gatt.GRACE_MS
        parting = self.state == PARTING
        latest = self.end + gatt.GRACE_MS if parting else self.joined + gatt.LINK_MS
        return min(self.entered + STATE_MS[self.state], latest)
