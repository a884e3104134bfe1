"""What MicroPython has and CPython lacks, for the virtual boards of this process.

Each board has its own files: `firmware.device.slots` finds those of the board that is at work.
"""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Protocol
from unittest import mock

from firmware.device import app, lamp, slots

IDLE_MS = 5_000  # between two turns of a loop that feeds no watchdog: less work for this process
DARK = (0, "." * lamp.STEPS)  # a lamp that never changes takes no turns
HEAP_FREE = 40_000  # bytes: what a board tells of a heap that is not modelled


class BoardFiles(dict[str, str]):
    """The small files of one board's flash."""

    def open(self, name: str, mode: str = "r") -> io.StringIO:
        if mode == "r":
            return io.StringIO(self[self._there(name)])
        return _Written(self, name)

    def rename(self, old: str, new: str) -> None:
        self[new] = self.pop(self._there(old))

    def stat(self, name: str) -> None:
        self._there(name)

    def _there(self, name: str) -> str:
        if name not in self:
            raise OSError(errno.ENOENT, name)
        return name


class _Written(io.StringIO):
    """A file that is stored when it is closed."""

    def __init__(self, files: BoardFiles, name: str) -> None:
        super().__init__()
        self._files = files
        self._name = name

    def close(self) -> None:
        if not self.closed:
            self._files[self._name] = self.getvalue()
        super().close()


class AtWork(Protocol):
    """A board whose firmware runs just now."""

    files: BoardFiles

    def collect(self) -> None:
        """Charge a collection of the heap."""


class _Here:
    """The board at work, as the firmware's modules reach it."""

    def __init__(self) -> None:
        self.board: AtWork | None = None

    def files(self) -> BoardFiles:
        return self.board.files if self.board else BoardFiles()

    def collect(self) -> None:
        if self.board:
            self.board.collect()


_here = _Here()


@contextmanager
def at_work(board: AtWork) -> Iterator[None]:
    """Let the firmware's modules work on this board."""
    before, _here.board = _here.board, board
    try:
        yield
    finally:
        _here.board = before


@contextmanager
def micropython() -> Iterator[None]:
    """Give the firmware's modules a heap to collect and a flash for their marks, and no lamp."""
    heap = SimpleNamespace(collect=_here.collect, mem_free=lambda: HEAP_FREE)
    flash = SimpleNamespace(
        rename=lambda old, new: _here.files().rename(old, new),
        stat=lambda name: _here.files().stat(name),
    )
    opened = lambda name, mode="r": _here.files().open(name, mode)  # noqa: E731
    with (
        mock.patch.object(app, "gc", heap),
        mock.patch.object(app, "IDLE_MS", IDLE_MS),
        mock.patch.object(lamp, "PATTERNS", (DARK,) * len(lamp.PATTERNS)),
        mock.patch.object(slots, "os", flash),
        mock.patch.object(slots, "open", opened, create=True),
    ):
        yield
