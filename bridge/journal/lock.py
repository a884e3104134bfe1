"""One process writes a journal: it holds a lock on a file beside it until its end."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SUFFIX = ".lock"
_PID_SIZE = 20  # bytes: more digits than any system's process numbers


def file_of(journal: Path) -> Path:
    return journal.with_name(journal.name + _SUFFIX)


@contextmanager
def hold(journal: Path) -> Iterator[None]:
    """Hold the lock; raises JournalError where another process has it. The file stays."""
    path = file_of(journal)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _written(file) or "unknown"
            raise JournalError(
                f"{journal}: locked by process {pid}; one bridge at a time keeps a journal: "
                "stop that one, or give this one its own journal"
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, b"%d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(file)


def process(journal: Path) -> int:
    """Return the bridge that has the journal, or had it last; 0 for none."""
    with suppress(OSError, ValueError):
        file = os.open(file_of(journal), os.O_RDONLY)
        try:
            return int(_written(file))
        finally:
            os.close(file)
    return 0


def _written(file: int) -> str:
    return os.pread(file, _PID_SIZE, 0).decode("ascii", "replace").strip()
