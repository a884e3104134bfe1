"""The sale conversation: one offer, one candidate at a time (design §3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import gatt, table

if TYPE_CHECKING:
    from .checks import Offered

# States.
IDLE = "idle"
OPEN = "open"  # an offer is on the air
ENDING = "ending"  # its time is over, but phones that have sent a key may still approve
CHECKING = "checking"  # a candidate's approval is being verified here
CLAIMED = "claimed"  # a verified approval is with the bridge; the session is closed to others
SETTLED = "settled"  # the result is known and may be repeated

# Events.
OPENED = "opened"
CANCELLED = "cancelled"
ENDED = "ended"  # the offer's time is over, and some phone has sent a key
EXPIRED = "expired"  # nobody may approve any more
APPROVAL = "approval"
PASSED = "passed"
FAILED = "failed"
REJECTED = "rejected"  # the bridge refuses the candidate
RESULT = "result"
GIVEN_UP = "given up"  # nothing more is to be expected of this session

TABLE = {
    IDLE: {OPENED: OPEN, CANCELLED: IDLE},
    OPEN: {OPENED: OPEN, CANCELLED: IDLE, ENDED: ENDING, EXPIRED: IDLE, APPROVAL: CHECKING},
    ENDING: {OPENED: OPEN, CANCELLED: IDLE, EXPIRED: IDLE, APPROVAL: CHECKING},
    CHECKING: {OPENED: OPEN, CANCELLED: IDLE, PASSED: CLAIMED, FAILED: OPEN},
    CLAIMED: {
        OPENED: OPEN,
        CANCELLED: IDLE,
        REJECTED: OPEN,
        RESULT: SETTLED,
        GIVEN_UP: IDLE,
    },
    SETTLED: {OPENED: OPEN, CANCELLED: IDLE, RESULT: SETTLED, GIVEN_UP: IDLE},
}

# Approvals that may wait for the slot: one for each other link. Phones that approve and vanish
# would make it grow for ever.
WAITING_MOST = gatt.LINKS_MOST - 1

# Evidence of one phone for one offer; it outlives the phone's link.
Candidate = NamedTuple(
    "Candidate",
    [("link", int), ("enc", bytes), ("credential_data", bytes), ("approval_data", bytes)],
)


class Sale:
    """The session of one sale. Times in milliseconds."""

    def __init__(self) -> None:
        self.state = IDLE
        self.clear()

    def clear(self) -> None:
        self.offered: Offered | None = None
        self.session = b""
        self.reference = b""
        self.end = 0
        self.candidate: Candidate | None = None
        self.approval_id = b""
        self.waiting: list[Candidate] = []

    def handle(self, event: str, now: int) -> None:
        """Take one event; raises Error(WRONG_ORDER) where the table has no such pair."""
        self.state = table.step(TABLE, self.state, event)
        if self.state == IDLE:
            self.clear()

    def open(self, offered: Offered, session: bytes, now: int) -> None:
        """A new offer; whatever was before is forgotten."""
        self.handle(OPENED, now)
        self.clear()
        self.offered = offered
        self.session = session
        self.reference = offered.offer.reference
        self.end = now + offered.offer.ttl * 1000

    def take(self, candidate: Candidate, now: int) -> bool:
        """The first approval takes the slot, later ones wait; False where there is no room."""
        if self.state in (OPEN, ENDING):
            self.handle(APPROVAL, now)
            self.candidate = candidate
            return True
        if self.state == CHECKING and len(self.waiting) < WAITING_MOST:
            self.waiting.append(candidate)
            return True
        return False

    def refuse_candidate(self, event: str, now: int) -> None:
        """Free the slot (FAILED or REJECTED) and give it to whoever waits first."""
        self.handle(event, now)
        self.candidate = None
        self.approval_id = b""
        if self.waiting:
            self.take(self.waiting.pop(0), now)

    def shown(self, now: int) -> bool:
        """Whether a phone that comes now may take the offer."""
        return self.state in (OPEN, CHECKING) and now < self.end

    def deadline(self) -> int | None:
        """When the session changes by itself (ms)."""
        if self.state == OPEN:
            return self.end
        if self.state in (ENDING, CLAIMED, SETTLED):
            return self.end + gatt.GRACE_MS
        return None
