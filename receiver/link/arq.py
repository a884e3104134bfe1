"""Hold the parts of stop-and-wait: the queue to send, and the parts to join."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .frames import Frame

MESSAGE_MAX = 2048  # joined from parts; the longest, a certificate with its chain, stays below
QUEUE_MAX = 4096  # bytes that may wait to be sent: two of the longest messages
QUEUE_ENTRY = 32  # overhead of a waiting message beside its payload

Queued = NamedTuple("Queued", [("channel", int), ("payload", bytes), ("token", int)])
Message = NamedTuple("Message", [("channel", int), ("payload", bytes), ("token", int)])
Part = NamedTuple("Part", [("more", bool), ("channel", int), ("payload", bytes)])


class Outbox:
    """Messages to send: one part of the first is in flight until acknowledged."""

    def __init__(self, counters: dict[str, int]) -> None:
        self.seq = 0
        self.flying = False
        self._counters = counters
        self._queue: list[Queued] = []
        self._waiting = 0  # bytes in the queue, with QUEUE_ENTRY for each message
        self._start = 0  # offset of the part in flight
        self._end = 0
        self._due = False  # the part in flight must be written again

    def put(self, queued: Queued) -> bool:
        """Add a message; False if there is no room."""
        cost = len(queued.payload) + QUEUE_ENTRY
        if self._waiting + cost > QUEUE_MAX:
            return False
        self._waiting += cost
        self._queue.append(queued)
        return True

    def part(self, size: int) -> Part | None:
        """Return the next part to write, of at most `size` bytes, or the one in flight again."""
        if not self._queue:
            return None
        channel, payload, _ = self._queue[0]
        if not self.flying:
            self.flying = True
            self._end = min(self._start + size, len(payload))
        elif self._due:
            self._counters["retransmits"] += 1
        else:
            return None
        self._due = False
        return Part(self._end < len(payload), channel, payload[self._start : self._end])

    def again(self) -> None:
        """Mark the part in flight, if any, to be written again."""
        self._due = True

    def acknowledged(self, ack: int) -> bool:
        """Return whether `ack`, the number that the peer expects next, covers the part sent."""
        if not self.flying or ack != (self.seq + 1) & 0xFF:
            return False
        self.flying = False
        self.seq = ack
        self._start = self._end
        return True

    def finished(self) -> Queued | None:
        """Return the first message if its last part was acknowledged; call after `acknowledged`."""
        if self._end < len(self._queue[0].payload):
            return None
        self._start = self._end = 0
        queued = self._queue.pop(0)
        self._waiting -= len(queued.payload) + QUEUE_ENTRY
        return queued

    def clear(self) -> tuple[Queued, ...]:
        """Start a new sequence space; return everything queued or in flight, in order."""
        lost = tuple(self._queue)
        self._queue.clear()
        self._waiting = self._start = self._end = self.seq = 0
        self.flying = False
        return lost


class Inbox:
    """Join parts. The last part of a message is acknowledged when the message is accepted."""

    def __init__(self, counters: dict[str, int]) -> None:
        self.seq = 0  # expected next, and so the acknowledgement of everything before
        self.owing = False  # an acknowledgement must be written
        self._counters = counters
        self._parts: list[bytes] = []  # few messages have several: a buffer would lie idle
        self._size = 0  # of them together
        self._refusing = False  # the message grew too long: drop its remaining parts
        self._token = 0
        self._open = False  # the application holds a message

    def take(self, frame: Frame) -> Message | None:
        """Take one DATA frame; return the message if it completes one."""
        if frame.seq == (self.seq - 1) & 0xFF:
            self._counters["duplicates"] += 1
            self.owing = True
        elif frame.seq != self.seq:
            self._counters["strange"] += 1
        elif self._open:
            self._counters["duplicates"] += 1
        else:
            return self._join(frame)
        return None

    def accept(self, token: int) -> bool:
        """Acknowledge the message with this token; False if it is not the open one."""
        if not self._open or token != self._token:
            return False
        self._open = False
        self._advance()
        return True

    def clear(self) -> None:
        """Start a new sequence space; an open message becomes void."""
        self.seq = 0
        self._take_parts()
        self.owing = self._refusing = self._open = False

    def _join(self, frame: Frame) -> Message | None:
        size = self._size + len(frame.payload)
        if self._refusing or size > MESSAGE_MAX:
            self._refuse(frame.more)
            return None
        self._parts.append(frame.payload)
        self._size = size
        if frame.more:
            self._advance()
            return None
        self._open = True
        self._token += 1
        return Message(frame.channel, b"".join(self._take_parts()), self._token)

    def _refuse(self, more: bool) -> None:
        """Acknowledge it all the same: an unacknowledged part would take the link down."""
        if not self._refusing:
            self._counters["oversize"] += 1
        self._refusing = more
        self._take_parts()
        self._advance()

    def _take_parts(self) -> list[bytes]:
        parts, self._parts, self._size = self._parts, [], 0
        return parts

    def _advance(self) -> None:
        self.seq = (self.seq + 1) & 0xFF
        self.owing = True
