"""The firmware's side of the line: a terminal, at the rate of a UART, with a chip's input ring."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from simulator.hardware.serial_line.model import MS, Line
from simulator.hardware.serial_line.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

RING = 260  # bytes of MicroPython's input buffer
HOLD_MS = 200  # the chip drops output that stays unread for so long
HOST_ROOM = 4096  # bytes that a serial server takes at once
_SECOND = 1000 * MS


class Uart:
    """Make and close it inside a running loop.

    `to_host` gets what the chip has sent; `is_heard` says whether a host has the port open.
    """

    def __init__(
        self, rate: int, to_host: Callable[[bytes], None], is_heard: Callable[[], bool]
    ) -> None:
        self.terminal = Terminal()
        self._is_heard = is_heard
        self._line = Line(rate, RING, HOLD_MS)
        self._to_host = to_host
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._reading = False
        self._turn()

    def close(self) -> None:
        self._listen(False)
        if self._timer:
            self._timer.cancel()
        self.terminal.close()

    def from_host(self, data: bytes) -> None:
        self._line.from_host(data, time.monotonic_ns())
        self._turn()

    def say(self, text: bytes) -> None:
        """Send text of the chip itself."""
        self._line.from_device(text, time.monotonic_ns())
        self._turn()

    def clear(self) -> None:
        """Lose what is under way and unread, as a reset does."""
        self._line.cut(time.monotonic_ns(), 0)
        self.terminal.flush()
        while self.terminal.read():
            pass

    def _device_wrote(self) -> None:
        self._line.from_device(self.terminal.read(), time.monotonic_ns())
        self._turn()

    def _turn(self) -> None:
        now = time.monotonic_ns()
        self.terminal.write(self._line.to_device(now, self.terminal.unread()))
        if data := self._line.to_host(now, HOST_ROOM if self._is_heard() else 0):
            self._to_host(data)
        self._listen(not self._line.device_waits())
        if self._timer:
            self._timer.cancel()
        due = self._line.deadline()
        self._timer = None if due is None else self._loop.call_at(due / _SECOND, self._turn)

    def _listen(self, wanted: bool) -> None:
        if wanted and not self._reading:
            self._loop.add_reader(self.terminal.fd, self._device_wrote)
        elif self._reading and not wanted:
            self._loop.remove_reader(self.terminal.fd)
        self._reading = wanted
