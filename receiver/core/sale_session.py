"""The sale conversation: one offer, one candidate at a time (design §3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons, statemachine
from receiver.errors import Error
from receiver.protocol import gatt

if TYPE_CHECKING:
    from receiver.link.wire import Open
    from receiver.protocol.messages import Credential
    from receiver.protocol.validation import Offered

    from .key_pool import Pair

# States.
IDLE = "idle"
SIGNING = "signing"  # an offer is ordered; its key and its signature are being made
OPEN = "open"  # an offer is on the air
ENDING = "ending"  # its time is over, but phones that have sent a key may still approve
CHECKING = "checking"  # a candidate is with the bridge, its signature being verified here
REFUSING = "refusing"  # it does not hold here; the bridge has its word to say before the next
CLAIMED = "claimed"  # the candidate's approval holds; the session is closed to others
STANDING_IN = "standing in"  # the bridge accepts it offline; a provisional receipt is being signed
ACCEPTED = "accepted"  # the provisional receipt is known; the result may still come
SETTLED = "settled"  # the result is known and may be repeated

# Events.
ORDERED = "ordered"
OPENED = "opened"
CANCELLED = "cancelled"
ENDED = "ended"  # the offer's time is over, and some phone has sent a key
EXPIRED = "expired"  # nobody may approve any more
APPROVAL = "approval"
PASSED = "passed"
FAILED = "failed"
REJECTED = "rejected"  # the bridge refuses the candidate
STAND_IN = "stand in"
PROVISIONAL = "provisional"
RESULT = "result"  # a refusal may be there before the verdict: bridge and authority do not wait
GIVEN_UP = "given up"  # nothing more is to be expected of this session

TABLE = {
    IDLE: {ORDERED: SIGNING, CANCELLED: IDLE},
    SIGNING: {ORDERED: SIGNING, CANCELLED: IDLE, OPENED: OPEN},
    OPEN: {ORDERED: SIGNING, CANCELLED: IDLE, ENDED: ENDING, EXPIRED: IDLE, APPROVAL: CHECKING},
    ENDING: {ORDERED: SIGNING, CANCELLED: IDLE, EXPIRED: IDLE, APPROVAL: CHECKING},
    CHECKING: {
        ORDERED: SIGNING,
        CANCELLED: IDLE,
        PASSED: CLAIMED,
        FAILED: REFUSING,
        REJECTED: OPEN,
        RESULT: SETTLED,
    },
    REFUSING: {
        ORDERED: SIGNING,
        CANCELLED: IDLE,
        REJECTED: OPEN,
        RESULT: SETTLED,
        GIVEN_UP: IDLE,
    },
    CLAIMED: {
        ORDERED: SIGNING,
        CANCELLED: IDLE,
        REJECTED: OPEN,
        STAND_IN: STANDING_IN,
        RESULT: SETTLED,
        GIVEN_UP: IDLE,
    },
    STANDING_IN: {
        ORDERED: SIGNING,
        CANCELLED: IDLE,
        REJECTED: OPEN,
        STAND_IN: STANDING_IN,
        PROVISIONAL: ACCEPTED,
        RESULT: SETTLED,
        GIVEN_UP: IDLE,
    },
    ACCEPTED: {
        ORDERED: SIGNING,
        CANCELLED: IDLE,
        STAND_IN: ACCEPTED,
        RESULT: SETTLED,
        GIVEN_UP: IDLE,
    },
    SETTLED: {ORDERED: SIGNING, CANCELLED: IDLE, RESULT: SETTLED, GIVEN_UP: IDLE},
}

# Approvals that may wait for the slot: one for each other link. Phones that approve and vanish
# would make it grow for ever.
WAITING_MOST = gatt.LINKS_MOST - 1
# How long the bridge has to say its word on what was refused here; it journals first (design §3.4).
WORD_MS = 5_000
# Keys of one offer that are remembered: more than honest phones can send in its time. Their first
# bytes are enough, as nobody can aim at a key that another phone has yet to choose.
KEYS_MOST = 64
_KEY_HEAD = 8

# Evidence of one phone for one offer; it outlives the phone's link.
Candidate = NamedTuple(
    "Candidate",
    [
        ("link", int),
        ("enc", bytes),
        ("credential_data", bytes),
        ("credential", "Credential"),
        ("approval_data", bytes),
        ("id", bytes),
    ],
)


class Sale:
    """The session of one sale. Times in milliseconds."""

    def __init__(self) -> None:
        self.state = IDLE
        self.pair: Pair | None = None
        self.clear()

    def clear(self) -> None:
        self._erase_key()
        self.ordered: Open | None = None
        self.offered: Offered | None = None
        self.session = b""
        self.reference = b""
        self.end = 0
        self.candidate: Candidate | None = None
        self.refusal = reasons.OK  # what was said of the candidate here
        self.waiting: list[Candidate] = []
        self.as_of = 0  # when the bridge accepted the candidate offline, seconds since 1970
        self.provisional = b""  # the receipt for it
        self._keys: list[bytes] = []
        self._word_due = 0

    def handle(self, event: str, now: int) -> None:
        """Take one event; raises Error(WRONG_ORDER) where the table has no such pair."""
        self.state = statemachine.step(TABLE, self.state, event)
        if self.state == IDLE:
            self.clear()
        elif self.state in (ACCEPTED, SETTLED):
            self._erase_key()

    def order(self, order: Open, now: int) -> None:
        """Another offer is to be made; whatever was before is forgotten."""
        self.handle(ORDERED, now)
        self.clear()
        self.ordered = order
        self.reference = order.reference

    def open(self, offered: Offered, session: bytes, now: int) -> None:
        """The offer that was ordered."""
        self.handle(OPENED, now)
        self.ordered = None
        self.offered = offered
        self.session = session
        self.end = now + offered.offer.ttl * 1000

    def meet(self, enc: bytes) -> None:
        """A phone's key; raises Error(REPLAY) for one that was sent before, by whichever phone.

        The same key makes the same context, and two answers would go out under one nonce.
        """
        head = enc[:_KEY_HEAD]
        if head in self._keys:
            raise Error(reasons.REPLAY, "key sent before")
        self._keys.append(head)
        self._keys[:-KEYS_MOST] = []

    def take(self, candidate: Candidate, now: int) -> bool:
        """The first approval takes the slot, later ones wait; False where there is no room."""
        if self.state in (OPEN, ENDING):
            self.handle(APPROVAL, now)
            self.candidate = candidate
            return True
        if self.state in (CHECKING, REFUSING) and len(self.waiting) < WAITING_MOST:
            self.waiting.append(candidate)
            return True
        return False

    def accept(self, now: int) -> None:
        """The candidate's approval holds: nobody waits any more."""
        self.handle(PASSED, now)
        self.waiting = []

    def refuse(self, reason: int, now: int) -> None:
        """The candidate's approval does not hold; the slot is free once the bridge says so too."""
        self.handle(FAILED, now)
        self.refusal = reason
        self._word_due = now + WORD_MS

    def stand_in(self, as_of: int, now: int) -> None:
        """The bridge accepts the candidate offline; harmless the second time."""
        if self.state == CLAIMED:
            self.as_of = as_of
        self.handle(STAND_IN, now)

    def stood_in(self, receipt: bytes, now: int) -> None:
        """The provisional receipt is signed."""
        self.handle(PROVISIONAL, now)
        self.provisional = receipt

    def settle(self, now: int) -> None:
        """The result is here: nobody waits any more."""
        self.handle(RESULT, now)
        self.waiting = []

    def release(self, now: int) -> None:
        """The bridge refuses the candidate: the slot goes to whoever waits first."""
        self.handle(REJECTED, now)
        self.candidate = None
        self.refusal = reasons.OK
        if self.waiting:
            self.take(self.waiting.pop(0), now)

    def shown(self, now: int) -> bool:
        """Whether a phone that comes now may take the offer."""
        return self.state in (OPEN, CHECKING, REFUSING) and now < self.end

    def deadline(self) -> int | None:
        """When the session changes by itself (ms)."""
        if self.state == OPEN:
            return self.end
        if self.state == REFUSING:
            return self._word_due
        if self.state in (ENDING, CLAIMED, STANDING_IN, ACCEPTED, SETTLED):
            return self.end + gatt.GRACE_MS
        return None

    def _erase_key(self) -> None:
        if self.pair is not None:
            self.pair.erase()
            self.pair = None
