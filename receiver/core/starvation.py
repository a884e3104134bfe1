"""Infer which phone holds the radio's buffers, and choose the link to cut for it.

The Bluetooth host has 12 buffers for all links. A phone that prepares writes and never executes
them holds them, until no other can write and no answer leaves; no interrupt tells of it. So the
radio is asked whether a buffer is left: when a phone comes or goes, when a notification finds
none, and every so often while a link waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver import statemachine

from . import connection as peers

if TYPE_CHECKING:
    from .connection import Peer
    from .connections import Links

# States.
FED = "fed"
SHORT = "short"  # no buffer was left: many notifications at once do that, too
STARVING = "starving"  # none was left for longer than notifications take to leave

# Events.
LEFT = "left"
NONE = "none"

TABLE = {
    FED: {LEFT: FED, NONE: SHORT},
    SHORT: {LEFT: FED, NONE: STARVING},
    STARVING: {LEFT: FED, NONE: STARVING},
}

ASK_MS = 250  # between two questions while a link waits: each costs the heap an exception
SHORT_MS = 100  # two connection intervals of 50 ms: then the controller has sent what it can
AGAIN_MS = 50  # between two questions while a link starves
LEAVE_MS = 300  # for a link that was cut to give its buffers back, before the next is cut
SUSPECT_MS = 1_000  # phones raise the MTU in a few connection intervals
AFTER_MS = 500  # after a cut: only now an offer that waited for a buffer reaches its phone
STALL_MS = 500  # another that has not raised the MTU by now waits for a buffer
DOOR_MS = 2_000  # after a cut no phone may come while one with a key waits, which may approve

# Who is cut first. A link that has approved is never cut for it, nor one that has its answer.
_STAGES = {
    peers.JOINED: 1,
    peers.READY: 1,
    peers.OFFERED: 1,
    peers.KEYED: 2,
    peers.PRESENTED: 3,
}


class Starvation:
    """The radio's buffers as far as they can be known. Times in milliseconds."""

    def __init__(self, links: Links) -> None:
        self.state = FED
        self._links = links
        self._since = 0  # when no buffer was left for the first time
        self._due: int | None = None  # when to ask
        self._door: int | None = None  # until when no phone may come

    def wake(self, now: int) -> None:
        """Ask at once: a phone has come or gone."""
        self._due = now

    def watch(self, now: int) -> None:
        """Go on asking if a link waits."""
        if self._due is None and self._matters(now):
            self._due = now + ASK_MS

    def asks(self, now: int) -> bool:
        """Return whether to ask the radio for a buffer now."""
        if self._due is None or now < self._due:
            return False
        self._due = None
        if self._matters(now):
            self._due = now + (ASK_MS if self.state == FED else AGAIN_MS)
        return True

    def hear(self, left: bool, now: int) -> None:
        """Take the radio's answer, or its word that a notification has found none."""
        if not left and self.state == FED:
            self._since = now
            self._due = now + SHORT_MS if self._matters(now) else None
        elif not left and self.state == SHORT and now < self._since + SHORT_MS:
            return
        self.state = statemachine.step(TABLE, self.state, LEFT if left else NONE)

    def to_cut(self, now: int) -> Peer | None:
        """Choose a link to cut for another that waits; the next one only when it is gone."""
        if self._is_leaving(now):
            return None
        if self.state != STARVING:
            return self._stalling(now)
        chosen = None
        for peer in self._links:
            if not self._may_be_cut(peer, now):
                continue
            if chosen is None or self._rank(peer, now) < self._rank(chosen, now):
                chosen = peer
        return chosen

    def cut(self, now: int) -> None:
        """Note a cut: who pays goes before who was cut, who may come back at once."""
        self._door = now + DOOR_MS

    def is_shut(self, now: int) -> bool:
        """Return whether no phone may come, for the sake of one that pays."""
        return self._door is not None and now < self._door and self._pays_beside(None, now)

    def deadline(self) -> int | None:
        """Return when to ask, or to let phones come again (ms)."""
        if self._door is not None and (self._due is None or self._door < self._due):
            return self._door
        return self._due

    def expire(self, now: int) -> None:
        """Let phones come again when it is time."""
        if self._door is not None and self._door <= now:
            self._door = None

    def _may_be_cut(self, peer: Peer, now: int) -> bool:
        """Return whether to cut this link while another waits: a new one only for one that pays.

        A phone needs no buffer to read the offer and to send its key.
        """
        if peer.state not in _STAGES:
            return False
        if self._pays_beside(peer, now):
            return True
        if self._door is not None and now < self._door - DOOR_MS + AFTER_MS:
            return False
        late = now >= peer.place() or self._is_suspect(peer, now)
        return late and self._waits_beside(peer, now)

    def _rank(self, peer: Peer, now: int) -> tuple[int, int]:
        """Order by what a link has shown of itself, then by time: addresses are random.

        Of those without a key the newest goes first, as it has come back; of those with a key the
        oldest, as it keeps its place without using it.
        """
        if self._is_suspect(peer, now):
            return 0, -peer.joined
        return _STAGES[peer.state], peer.joined if peer.has_key else -peer.joined

    def _stalling(self, now: int) -> Peer | None:
        """Choose the oldest suspect if one that came later gets no further either."""
        for peer in self._links:
            if self._is_suspect(peer, now):
                for other in self._links:
                    if (
                        other.state == peers.JOINED
                        and other.joined > peer.joined
                        and now >= other.joined + STALL_MS
                    ):
                        return peer
        return None

    def _is_suspect(self, peer: Peer, now: int) -> bool:
        return peer.state == peers.JOINED and now >= peer.joined + SUSPECT_MS

    def _is_leaving(self, now: int) -> bool:
        found = False
        for peer in self._links:
            found = found or (peer.state == peers.CLOSED and now < peer.entered + LEAVE_MS)
        return found

    def _matters(self, now: int) -> bool:
        return len(self._links) > 1 and self._waits_beside(None, now)

    def _waits_beside(self, but: Peer | None, now: int) -> bool:
        """Return whether any link but this one needs a buffer soon: it is new, or pays."""
        found = self._pays_beside(but, now)
        for peer in self._links:
            young = not peer.is_leaving and now < peer.place()
            found = found or (peer is not but and young)
        return found

    def _pays_beside(self, but: Peer | None, now: int) -> bool:
        """Return whether any link but this one has sent its key, or has just got its answer."""
        found = False
        for peer in self._links:
            answered = peer.state == peers.ANSWERED and now < peer.place()
            found = found or (peer is not but and (peer.has_key or answered))
        return found
