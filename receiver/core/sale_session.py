"""Follow one sale: one offer, one candidate at a time (design §3.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from receiver import reasons, statemachine
from receiver.errors import Error
from receiver.protocol import gatt

if TYPE_CHECKING:
    from receiver.link.wire import Open
    from receiver.protocol.validation import Offered, Submission

    from .key_pool import Pair

# States.
IDLE = "idle"
SIGNING = "signing"  # an offer is ordered; its key and signature are in work
OPEN = "open"  # an offer is on the air
ENDING = "ending"  # its time is over, but phones that have sent a key may still approve
CHECKING = "checking"  # the bridge has a candidate, whose signature is being verified here
REFUSING = "refusing"  # it failed verification here; the bridge must answer before the next one
CLAIMED = "claimed"  # the candidate's approval is valid; the session is closed to other phones
STANDING_IN = "standing in"  # the bridge accepts it offline; the provisional receipt is in work
ACCEPTED = "accepted"  # the provisional receipt is signed; the result may still come
SETTLED = "settled"  # the result is known and may be repeated

# Events.
ORDERED = "ordered"
OPENED = "opened"
CANCELLED = "cancelled"
ENDED = "ended"  # the offer's time is over, and some phone has sent a key
EXPIRED = "expired"  # no phone may approve any more
APPROVAL = "approval"
PASSED = "passed"
FAILED = "failed"
REJECTED = "rejected"  # the bridge refuses the candidate
STAND_IN = "stand in"
PROVISIONAL = "provisional"
RESULT = "result"  # a decline may come before the verdict: bridge and authority do not wait
GIVEN_UP = "given up"  # nothing more is expected in this session

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

# Approvals that may wait for the slot: one for each other link. Without a limit, phones that
# approve and leave would make the queue grow for ever.
WAITING_MOST = gatt.LINKS_MOST - 1
# How long the bridge has to answer a refusal made here; it journals first (design §3.4).
WORD_MS = 5_000
# Remembered keys of one offer: more than honest phones can send in its time. Their first bytes
# are enough, as no attacker can aim at a key that another phone has yet to choose.
KEYS_MOST = 64
_KEY_HEAD = 8

# A phone's approval on its way; it outlives the phone's link.
Candidate = NamedTuple("Candidate", [("link", int), ("submission", "Submission"), ("id", bytes)])


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
        self.refusal = reasons.OK  # why the candidate was refused here
        self.waiting: list[Candidate] = []
        self.as_of = 0  # when the bridge accepted the candidate offline, seconds since 1970
        self.provisional = b""  # the receipt for it
        self._keys: list[bytes] = []
        self._word_due = 0

    def handle(self, event: str, now: int) -> None:
        """Apply one event; raise Error(WRONG_ORDER) where the table has no such pair."""
        self.state = statemachine.step(TABLE, self.state, event)
        if self.state == IDLE:
            self.clear()
        elif self.state in (ACCEPTED, SETTLED):
            self._erase_key()

    def order(self, order: Open, now: int) -> None:
        """Order another offer; forget the session before it."""
        self.handle(ORDERED, now)
        self.clear()
        self.ordered = order
        self.reference = order.reference

    def open(self, offered: Offered, session: bytes, now: int) -> None:
        """Put the ordered offer on the air."""
        self.handle(OPENED, now)
        self.ordered = None
        self.offered = offered
        self.session = session
        self.end = now + offered.offer.ttl * 1000

    def meet(self, enc: bytes) -> None:
        """Note a phone's key; raise Error(REPLAY) if any phone has sent it before.

        The same key makes the same context, and two answers would then share one nonce.
        """
        head = enc[:_KEY_HEAD]
        if head in self._keys:
            raise Error(reasons.REPLAY, "key sent before")
        self._keys.append(head)
        self._keys[:-KEYS_MOST] = []

    def take(self, candidate: Candidate, now: int) -> bool:
        """Give the slot to the first approval and queue later ones; False if there is no room."""
        if self.state in (OPEN, ENDING):
            self.handle(APPROVAL, now)
            self.candidate = candidate
            return True
        if self.state in (CHECKING, REFUSING) and len(self.waiting) < WAITING_MOST:
            self.waiting.append(candidate)
            return True
        return False

    def accept(self, now: int) -> None:
        """Accept the candidate's approval; no other phone waits any more."""
        self.handle(PASSED, now)
        self.waiting = []

    def refuse(self, reason: int, now: int) -> None:
        """Refuse the candidate's approval; the slot is free once the bridge agrees."""
        self.handle(FAILED, now)
        self.refusal = reason
        self._word_due = now + WORD_MS

    def stand_in(self, as_of: int, now: int) -> None:
        """Start a provisional receipt for the candidate; harmless the second time."""
        if self.state == CLAIMED:
            self.as_of = as_of
        self.handle(STAND_IN, now)

    def stood_in(self, receipt: bytes, now: int) -> None:
        """Store the signed provisional receipt."""
        self.handle(PROVISIONAL, now)
        self.provisional = receipt

    def settle(self, now: int) -> None:
        """Store the result; no other phone waits any more."""
        self.handle(RESULT, now)
        self.waiting = []

    def release(self, now: int) -> None:
        """Free the slot, as the bridge refuses the candidate; the next in line takes it."""
        self.handle(REJECTED, now)
        self.candidate = None
        self.refusal = reasons.OK
        if self.waiting:
            self.take(self.waiting.pop(0), now)

    def shown(self, now: int) -> bool:
        """Return whether a phone that comes now may read the offer."""
        return self.state in (OPEN, CHECKING, REFUSING) and now < self.end

    def deadline(self) -> int | None:
        """Return when the session changes without an event (ms)."""
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
