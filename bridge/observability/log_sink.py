"""The output of log lines: a thread writes to a descriptor, as the reader may stop reading.

A line is dropped and counted when too many wait; the bridge never waits for its log.
"""

from __future__ import annotations

import os
import select
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import sleep
from typing import TYPE_CHECKING

from bridge.own_thread import start

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

LINES_MOST = 4096  # waiting: some 2 MB, and a minute of the busiest bridge's log
AT_ONCE_MOST = 256  # lines in one write: a burst costs one system call
# Between two writes: waking the thread costs the caller 0.15 ms (measured), and a line that comes
# while the thread pauses wakes nothing.
PAUSE_S = 0.01


class Sink:
    """A writer of lines in their order. `lost` makes the line about dropped ones."""

    def __init__(self, file: int, lost: Callable[[int], str]) -> None:
        self.dropped = 0
        self._file = file
        self._lost = lost
        self._told = 0  # how many of the dropped lines the log has reported
        self._counting = threading.Lock()
        self._queue: SimpleQueue[str | threading.Event] = SimpleQueue()
        self._thread = start("write the log", self._write)

    def put(self, line: str) -> None:
        """Queue `line`; never wait."""
        if self._queue.qsize() < LINES_MOST:
            self._queue.put(line)
        else:
            self.drop(1)

    def drop(self, lines: int) -> None:
        """Count lines that are not written."""
        with self._counting:
            self.dropped += lines

    def flush(self, seconds: float) -> None:
        """Wait until all lines are written, but no longer than `seconds`."""
        written = threading.Event()
        self._queue.put(written)
        written.wait(seconds)

    # The thread.

    def _write(self) -> None:
        while True:
            lines, written = self._next()
            unwritten = len(lines)
            try:
                write_all(self._file, "".join(lines))
                unwritten = 0
                self._tell_lost()  # the descriptor takes lines again
            except Exception:  # the next write may have another reader
                self.drop(unwritten)
            if written:
                written.set()
            elif self._queue.qsize() < AT_ONCE_MOST:
                sleep(PAUSE_S)

    def _next(self) -> tuple[list[str], threading.Event | None]:
        """Return the waiting lines, at least one, or up to where `flush` waits."""
        lines: list[str] = []
        item: str | threading.Event | None = self._queue.get()
        while isinstance(item, str):
            lines.append(item)
            try:
                item = self._queue.get_nowait() if len(lines) < AT_ONCE_MOST else None
            except Empty:
                item = None
        return lines, item

    def _tell_lost(self) -> None:
        lost = self.dropped - self._told
        if lost:
            write_all(self._file, self._lost(lost))
            self._told += lost


def write_all(file: int, text: str) -> None:
    """Write to a descriptor, however long it takes; raises OSError."""
    data = text.encode(errors="backslashreplace")
    while data:
        try:
            data = data[os.write(file, data) :]
        except BlockingIOError:  # another process has made it non-blocking
            poll = select.poll()
            poll.register(file, select.POLLOUT)
            poll.poll()


def say(stream: TextIO, line: str) -> None:
    """Write one line to the program that started this one, without waiting for its reader."""
    file = file_of(stream)
    if file is None:
        stream.write(line)
    else:
        start("write a line", lambda: _say(file, line))


def file_of(stream: TextIO) -> int | None:
    """Return the descriptor of a stream; None for one in memory, which takes everything."""
    try:
        return stream.fileno()
    except (OSError, ValueError):  # io.UnsupportedOperation is both; a closed stream has none
        return None


def _say(file: int, line: str) -> None:
    with suppress(OSError):
        write_all(file, line)
