"""Find the process with SQLite's lock on a journal, in the kernel's own list.

This opens no file: closing one would release this process's own locks on it, by POSIX.
Lock bytes: https://sqlite.org/walformat.html, and `os.h` of SQLite for the file itself.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

UNKNOWN = "another program"
_LOCKS = Path("/proc/locks")
_FIELDS = 8  # number, class, mode, type, process, device and inode, first byte, last byte
_WRITER = (120, 122)  # in the -shm: the writer's lock, and the lock for WAL recovery
_WHOLE = (0x4000_0000, 0x4000_01FF)  # in the file itself: from PENDING to the end of SHARED


class LockHolder(NamedTuple):
    """A lock for writing in the kernel's list."""

    process: int
    device: int
    inode: int
    first: int
    last: int


def process(journal: Path) -> int:
    """Return the process that blocks writers of the journal; 0 where none is seen."""
    ranges = {
        _identity(path): span
        for path, span in ((journal.with_name(journal.name + "-shm"), _WRITER), (journal, _WHOLE))
        if path.exists()
    }
    for held in _listed():
        span = ranges.get((held.device, held.inode))
        if span and held.first <= span[1] and held.last >= span[0]:
            return held.process
    return 0


def name(journal: Path) -> str:
    """Describe it for people."""
    number = process(journal)
    if number in (0, os.getpid()):
        return UNKNOWN
    with suppress(OSError):
        program = Path(f"/proc/{number}/comm").read_text(encoding="utf-8", errors="replace")
        return f"{UNKNOWN} (process {number}, {program.strip()})"
    return f"{UNKNOWN} (process {number})"


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _listed() -> list[LockHolder]:
    """List locks for writing; none where this system has no such list."""
    with suppress(OSError):
        lines = _LOCKS.read_text(encoding="ascii").splitlines()
        return [held for line in lines if (held := _parsed(line))]
    return []


def _parsed(line: str) -> LockHolder | None:
    """Parse one line of proc_locks(5); None for a reader's lock, or one that only waits."""
    fields = line.split()
    if len(fields) != _FIELDS or fields[3] != "WRITE" or fields[1] not in ("POSIX", "OFDLCK"):
        return None
    major, minor, inode = fields[5].split(":")
    device = os.makedev(int(major, 16), int(minor, 16))
    last = 2**63 if fields[7] == "EOF" else int(fields[7])
    return LockHolder(max(0, int(fields[4])), device, int(inode), int(fields[6]), last)
