"""One process writes a journal: it holds a lock on a file beside it for as long as it lives."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import JournalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PID_SIZE = 20  # bytes: more digits than any system's process numbers


@contextmanager
def hold(journal: Path) -> Iterator[None]:
    """Hold the lock; raises JournalError where another process does. The file stays."""
    path = journal.with_name(journal.name + ".lock")
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(file, _PID_SIZE, 0).decode("ascii", "replace").strip() or "unknown"
            raise JournalError(
                f"{journal}: locked by process {pid}; one bridge at a time keeps a journal: "
                "stop that one, or give this one a journal of its own"
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, b"%d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(file)


def last_owner(journal: Path) -> int | None:
    """The process that holds the lock, or held it last; None where that is not known."""
    try:
        number = journal.with_name(journal.name + ".lock").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    return int(number) if number.strip().isdecimal() else None
