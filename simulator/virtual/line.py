"""The serial line of one receiver in virtual time: both ends, at 115,200 baud.

The line is the bridge's opener; `plug_in` gives the device its end at every start. Bytes arrive in
the pieces in which they were written, each when its last bit has come.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from bridge.lines.serial_port import BAUD, Port, PortError
from firmware.device.line import READ_MOST, WAITING_MOST, WRITE_MOST

BYTES_PER_S = BAUD / 10  # start bit, eight bits, stop bit
USB_S = 0.001  # from the host's driver to the UART and back: a full-speed USB frame
FIFO = 128  # bytes that an ESP32's UART sends by itself: a longer write waits (its manual, "FIFO")
STDIN_MOST = 260  # bytes that MicroPython keeps unread (ports/esp32, `stdin_ringbuf_array`)
_DELIMITER = b"\0"


class _Way:
    """One direction: a byte leaves when the one before it has."""

    def __init__(self, deliver: Callable[[bytes], None], after_s: float) -> None:
        self._deliver = deliver
        self._after_s = after_s
        self._free_at = 0.0

    def carry(self, data: bytes, from_s: float) -> None:
        """Take bytes that the sender's UART has at `from_s`."""
        self._free_at = max(self._free_at, from_s) + len(data) / BYTES_PER_S
        loop = asyncio.get_running_loop()
        loop.call_at(self._free_at + self._after_s, self._deliver, data)

    def waiting_s(self, now: float) -> float:
        """Return until the last byte has left, in seconds from now."""
        return max(self._free_at - now, 0.0)


class VirtualLine:
    """A cable between a receiver and its bridge; pulled out, both ends hear nothing."""

    def __init__(self) -> None:
        self._is_in = True
        self._port: _BridgeEnd | None = None
        self._device: DeviceEnd | None = None
        self._down = _Way(self._to_device, 0.0)
        self._up = _Way(self._to_bridge, USB_S)

    async def __call__(
        self, received: Callable[[bytes], None], lost: Callable[[str], None]
    ) -> Port:
        """Open it for the bridge (`bridge.lines.serial_port.Opener`)."""
        if not self._is_in:
            raise PortError("not there")
        self._port = _BridgeEnd(self, received, lost)
        return self._port

    def plug_in(self, wake: Callable[[], None]) -> DeviceEnd:
        """Return the end of a device that has just started; `wake` is called when it can read."""
        self._device = DeviceEnd(self, wake)
        return self._device

    def pull(self) -> None:
        """Take the cable out."""
        self._is_in = False
        if self._port is not None:
            self._port.lose()

    def put_back(self) -> None:
        self._is_in = True

    def let_go(self, port: _BridgeEnd) -> None:
        """Forget the bridge's end, which is closed."""
        if self._port is port:
            self._port = None

    def from_bridge(self, data: bytes) -> None:
        if self._is_in:
            self._down.carry(data, asyncio.get_running_loop().time() + USB_S)

    def from_device(self, data: bytes, now: float) -> float:
        """Take a piece of the device; return for how long the write blocks it, in seconds."""
        if self._is_in:
            self._up.carry(data, now)
        return max(self._up.waiting_s(now) - FIFO / BYTES_PER_S, 0.0)

    def _to_device(self, data: bytes) -> None:
        if self._device is not None:
            self._device.arrive(data)

    def _to_bridge(self, data: bytes) -> None:
        if self._port is not None:
            self._port.received(data)


class _BridgeEnd:
    """The bridge's end while it has the line open (`bridge.lines.serial_port.Port`)."""

    def __init__(
        self,
        line: VirtualLine,
        received: Callable[[bytes], None],
        lost: Callable[[str], None],
    ) -> None:
        self.received = received
        self._line = line
        self._lost = lost

    def write(self, data: bytes) -> None:
        self._line.from_bridge(data)

    async def close(self) -> None:
        self._line.let_go(self)

    def lose(self) -> None:
        """Tell that the cable is out."""
        self._line.let_go(self)
        asyncio.get_running_loop().call_soon(self._lost, "unplugged")


class DeviceEnd:
    """What `firmware.device.line.Line` is on a board, for one run of its firmware."""

    def __init__(self, line: VirtualLine, wake: Callable[[], None]) -> None:
        self.dropped = 0
        self.lost = 0  # bytes that found the buffer full
        self._line = line
        self._wake = wake
        self._unread: deque[bytes] = deque()  # up to a delimiter each
        self._part = b""
        self._size = 0  # of both
        self._waiting = bytearray()
        self._blocked_s = 0.0

    def read(self) -> bytes | None:
        """Return what has arrived up to a delimiter, or None."""
        if not self._unread:
            return None
        data = self._unread.popleft()
        self._size -= len(data)
        return data

    def write(self, data: bytes) -> None:
        """Queue `data` whole, or not at all."""
        if len(self._waiting) + len(data) > WAITING_MOST:
            self.dropped += 1
        else:
            self._waiting += data

    @property
    def writing(self) -> bool:
        return bool(self._waiting)

    def pump(self) -> None:
        """Write one piece of the output: a chip always takes it, and waits for room."""
        if not self._waiting:
            return
        piece = bytes(self._waiting[:WRITE_MOST])
        del self._waiting[:WRITE_MOST]
        now = asyncio.get_running_loop().time()
        self._blocked_s += self._line.from_device(piece, now)

    def has_news(self) -> bool:
        """Return whether `read` has anything to return."""
        return bool(self._unread)

    def blocked_s(self) -> float:
        """Return for how long writes have blocked the device since it was last asked."""
        blocked, self._blocked_s = self._blocked_s, 0.0
        return blocked

    def arrive(self, data: bytes) -> None:
        """Take bytes of the host."""
        if self._size + len(data) > STDIN_MOST:
            self.lost += len(data)
            return
        self._size += len(data)
        *whole, self._part = (self._part + data).split(_DELIMITER)
        for piece in whole:
            if piece:
                self._keep(piece + _DELIMITER)
            else:  # a delimiter after a delimiter says nothing
                self._size -= 1
        while len(self._part) >= READ_MOST:
            self._keep(self._part[:READ_MOST])
            self._part = self._part[READ_MOST:]
        if self._unread:
            self._wake()

    def _keep(self, piece: bytes) -> None:
        self._unread.extend(piece[at : at + READ_MOST] for at in range(0, len(piece), READ_MOST))
