"""The timing and buffers of line and chip. No I/O and no clock: times are monotonic ns."""

from __future__ import annotations

MS = 1_000_000  # ns
BITS = 10  # a byte with its start and stop bit
GRAIN = 2 * MS  # bytes arrive in groups of this duration, not one by one: 23 at 115200 baud
LOOK = 10 * MS  # between two checks whether the host has read
BACKLOG = 4096  # bytes on the line at which the writer has to wait, as in a driver's queue

COUNTERS = ("to_device", "to_host", "ring_overflow", "unread", "cut")


class Pace:
    """Bytes under way in one direction, at one rate."""

    def __init__(self, rate: int) -> None:
        self._byte_ns = BITS * 1000 * MS // rate if rate else 0
        self._bytes = bytearray()
        self._start = 0  # when transmission of the first of them began

    def __len__(self) -> int:
        return len(self._bytes)

    def push(self, data: bytes, now: int) -> None:
        """Add bytes written at one end."""
        if not self._bytes:
            self._start = max(self._start, now)
        self._bytes += data

    def pull(self, now: int) -> bytes:
        """Remove the bytes that have arrived at the other end."""
        count = len(self._bytes)
        if self._byte_ns:
            count = min(count, max(0, now - self._start) // self._byte_ns)
        data = bytes(self._bytes[:count])
        del self._bytes[:count]
        self._start += count * self._byte_ns
        return data

    def clear(self) -> int:
        """Drop the bytes under way; return their number."""
        count = len(self._bytes)
        self._bytes.clear()
        return count

    def deadline(self) -> int | None:
        """Return when the next group will have arrived."""
        if not self._bytes:
            return None
        if not self._byte_ns:
            return self._start
        group = max(1, GRAIN // self._byte_ns)
        return self._start + min(len(self._bytes), group) * self._byte_ns


class Line:
    """Both directions: the rate, the chip's input ring, its output that drops, and a cut."""

    def __init__(self, rate: int, ring: int, hold_ms: int) -> None:
        self.counters = dict.fromkeys(COUNTERS, 0)
        self._down = Pace(rate)
        self._up = Pace(rate)
        self._ring = ring
        self._hold = hold_ms * MS
        self._held = bytearray()  # at the chip, since the host has no room
        self._progress = 0  # when the host last read, or the first byte was held
        self._look = 0
        self._cut_until = 0

    def from_host(self, data: bytes, now: int) -> None:
        """Add bytes from the host."""
        if now < self._cut_until:
            self.counters["cut"] += len(data)
        else:
            self._down.push(data, now)

    def from_device(self, data: bytes, now: int) -> None:
        """Add bytes from the device."""
        if now < self._cut_until:
            self.counters["cut"] += len(data)
        else:
            self._up.push(data, now)

    def to_device(self, now: int, unread: int) -> bytes:
        """Return bytes for the device's reader, whose ring has `unread` bytes already."""
        arrived = self._down.pull(now)
        data = arrived[: max(0, self._ring - unread)]
        self.counters["to_device"] += len(data)
        self.counters["ring_overflow"] += len(arrived) - len(data)
        return data

    def to_host(self, now: int, room: int) -> bytes:
        """Return bytes for the host, which has room for `room` (0 while it is closed)."""
        if not self._held:
            self._progress = now
        self._held += self._up.pull(now)
        data = bytes(self._held[:room])
        if data:
            del self._held[:room]
            self._progress = now
            self.counters["to_host"] += len(data)
        elif now >= self._progress + self._hold:
            self.counters["unread"] += len(self._held)
            self._held.clear()
        self._look = now + LOOK
        return data

    def cut(self, now: int, duration: int) -> None:
        """Let nothing pass for `duration` ns, and drop the bytes under way."""
        self._cut_until = now + duration
        self.counters["cut"] += self._down.clear() + self._up.clear()

    def host_waits(self) -> bool:
        """Return whether the host's driver must wait."""
        return len(self._down) >= BACKLOG

    def device_waits(self) -> bool:
        """Return whether the chip's output must wait; it drops what it holds before that lasts."""
        return len(self._up) + len(self._held) >= BACKLOG

    def deadline(self) -> int | None:
        """Return when to call `to_device` and `to_host` again."""
        times = [self._down.deadline(), self._up.deadline()]
        if self._held:
            times += [self._progress + self._hold, self._look]
        return min((time for time in times if time is not None), default=None)
