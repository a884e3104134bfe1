"""Writers that do not wait for a line: they store the bytes that it does not accept at once."""

from __future__ import annotations

import asyncio
import os
from queue import SimpleQueue
from typing import TYPE_CHECKING, Protocol

from bridge import foreign_code
from bridge.own_thread import start

from .errors import PortError

if TYPE_CHECKING:
    from collections.abc import Callable

WRITE_TIMEOUT_S = 0.5  # a whole frame takes 17 ms; a port that accepts nothing for longer is broken
WAITING_MOST = 4096  # bytes that wait for the line: a third of a second at 115,200 baud
NO_MORE = "the line takes no more"


class Writer(Protocol):
    """Used on the event loop; calls `lost` once if the line accepts nothing."""

    def write(self, data: bytes) -> None:
        """Write bytes to the line, or store them until it accepts them; raises PortError."""

    def close(self) -> None:
        """Drop the bytes that wait."""


class _Patience:
    """Calls `lost` if bytes wait, and the line accepts none of them for WRITE_TIMEOUT_S."""

    def __init__(self, lost: Callable[[str], None]) -> None:
        self._lost = lost
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Start the timer, unless it runs already."""
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(WRITE_TIMEOUT_S, self._lost, NO_MORE)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class FileWriter:
    """Writes to a descriptor that does not block: usually at once, and without a thread."""

    def __init__(self, file: int, lost: Callable[[str], None]) -> None:
        self._file = file
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._patience = _Patience(lost)

    def write(self, data: bytes) -> None:
        if not self._waiting:
            data = data[self._give(data) :]
            if not data:
                return
            self._loop.add_writer(self._file, self._go_on)
            self._patience.begin()
        if len(self._waiting) + len(data) > WAITING_MOST:
            raise PortError(NO_MORE)
        self._waiting += data

    def close(self) -> None:
        self._waiting.clear()
        self._done()

    def _go_on(self) -> None:
        """Continue: the line accepts bytes again."""
        try:
            taken = self._give(self._waiting)
        except PortError as error:
            self.close()
            self._lost(str(error))
            return
        del self._waiting[:taken]
        if taken:
            self._patience.end()
        if not self._waiting:
            self._done()
        else:
            self._patience.begin()

    def _done(self) -> None:
        self._loop.remove_writer(self._file)
        self._patience.end()

    def _give(self, data: bytes | bytearray) -> int:
        """Write to the line and return how many bytes it accepted; raises PortError."""
        try:
            return os.write(self._file, data)
        except BlockingIOError:
            return 0
        except Exception as error:
            raise foreign_code.translated(foreign_code.SERIAL, PortError, error) from error


class ThreadWriter:
    """Writes to a line that only blocks (rfc2217), in a thread that waits for it."""

    def __init__(
        self, write: Callable[[bytes], int | None], lost: Callable[[str], None], name: str
    ) -> None:
        self._write = write
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._waiting = 0
        self._closed = False
        self._patience = _Patience(lost)
        self._queue: SimpleQueue[bytes] = SimpleQueue()
        start(f"write {name}", self._run)

    def write(self, data: bytes) -> None:
        if self._closed:
            raise PortError("closed")
        if self._waiting + len(data) > WAITING_MOST:
            raise PortError(NO_MORE)
        self._waiting += len(data)
        self._patience.begin()
        self._queue.put(data)

    def close(self) -> None:
        self._closed = True
        self._patience.end()
        self._queue.put(b"")

    def _run(self) -> None:
        while not self._closed and (data := self._queue.get()):
            try:
                with foreign_code.crossing(foreign_code.SERIAL, PortError):
                    written = self._write(data)
            except PortError as error:
                self._tell(self._fail, str(error))
                return
            if written is not None and written != len(data):
                self._tell(self._fail, f"took {written} of {len(data)} bytes")
                return
            self._tell(self._taken, len(data))

    def _tell(self, callback: Callable[..., None], argument: int | str) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, argument)

    def _taken(self, size: int) -> None:
        self._waiting -= size
        self._patience.end()
        if self._waiting and not self._closed:
            self._patience.begin()

    def _fail(self, cause: str) -> None:
        if not self._closed:
            self.close()
            self._lost(cause)
