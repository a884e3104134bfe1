"""Wait for what comes first: a byte of the host, an event of the radio, room for output, a time.

One `poll` over all of them, and no tasks: MicroPython's asyncio costs the heap kilobytes, and each
of its waits some hundred bytes.
"""

from __future__ import annotations

import select
from io import IOBase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware.device.ports.interface import Pump, Stream

_POLL = 3  # MP_STREAM_POLL of py/stream.h: asks an object for the events that it has


class Flag(IOBase):
    """Ends a wait once an interrupt handler has set it, also before that wait."""

    def __init__(self) -> None:
        self.is_up = False

    def set(self) -> None:
        """Set it; this allocates nothing and may be called at any moment."""
        self.is_up = True

    def ioctl(self, request: int, flags: int) -> int:
        """Answer `poll`, as a stream does."""
        if request != _POLL:
            return -1
        return flags if self.is_up else 0


class Waiter:
    """What ends a wait of the loop. `pump` is a radio without interrupts; None of either: none.

    Without a flag the Unix port waits in the system's own poll, not in turns of a millisecond.
    """

    def __init__(self, flag: Flag | None, source: Stream, sink: Stream, pump: Pump | None) -> None:
        self.flag = flag
        self._pump = pump
        self._sink = sink
        self._writing = False
        self._poller = select.poll()
        self._poller.register(source, select.POLLIN)
        self._poller.register(sink, 0)
        if flag is not None:
            self._poller.register(flag, select.POLLIN)
        if pump is not None:
            self._poller.register(pump.fileno_stream(), select.POLLIN)

    def wait(self, ms: int, writing: bool) -> None:
        """Wait for at most so long; room for output ends it if there is something to write."""
        if writing != self._writing:
            self._writing = writing
            self._poller.modify(self._sink, select.POLLOUT if writing else 0)
        is_ready(self._poller, ms)
        if self._pump is not None:
            self._pump.pump()
        if self.flag is not None:
            self.flag.is_up = False


def is_ready(poller: select.poll, ms: int = 0) -> bool:
    """Return whether a stream is ready within so long; unlike `poll.poll` it allocates nothing."""
    ready = False
    for _ in poller.ipoll(ms):
        ready = True
    return ready
