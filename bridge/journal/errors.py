"""The errors of a journal, and SQLite's errors in our words."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .chain import BrokenError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# SQLite's codes for a full disk; the second where the WAL's index cannot grow.
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE)
_NO_ROOM_ERRNO = (errno.ENOSPC, errno.EDQUOT)
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
FOREIGN = (sqlite3.Error, BrokenError, OSError)
_PRIMARY = 0xFF  # the bits of an extended result code that give its kind
KEEP = (
    "nothing was changed; keep the file as it is, run `tillsign journal verify`, "
    "and put back the last backup with `tillsign journal restore`"
)


class JournalError(Exception):
    """The journal cannot be used: held by another process, of another version, or damaged."""


class JournalLaterError(JournalError):
    """This write left nothing behind, and may be repeated."""


class JournalFullError(JournalLaterError):
    """No room on the disk."""


class JournalBusyError(JournalLaterError):
    """Another program holds SQLite's lock on the file."""


class DamageError(JournalError):
    """The files do not hold what was written."""


class ArchiveError(DamageError):
    """An archive is missing or damaged: its entries cannot be shown, all others can."""


class BackupError(JournalError):
    """A folder that cannot take a backup, or holds none."""


class ReplacedError(JournalError):
    """Another file has the journal's name: a restart would not find what is written now."""


class CursorError(JournalError):
    """The entries after the cursor are no longer in the live part."""


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and the system about the file at `path` into a JournalError."""
    try:
        yield
    except FOREIGN as error:
        raise in_our_words(path, error) from error


def in_our_words(path: Path, error: Exception) -> JournalError:
    """Describe one of the FOREIGN errors about the file at `path`."""
    match error:
        case sqlite3.Error():
            return _of_sqlite(path, error)
        case OSError():
            kind = JournalFullError if error.errno in _NO_ROOM_ERRNO else JournalError
            return kind(f"{error.filename or path}: {error.strerror}")
        case _:
            return DamageError(f"{path}: {error}; {KEEP}")


def is_of_the_disk(error: BaseException | None) -> bool:
    """Return whether the disk's content is unknown now: a full disk is not among them."""
    if isinstance(error, OSError):
        return error.errno not in _NO_ROOM_ERRNO
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _NO_ROOM:
        return False
    return code & _PRIMARY in (sqlite3.SQLITE_IOERR, *_DAMAGE)


def _of_sqlite(path: Path, error: sqlite3.Error) -> JournalError:
    code = getattr(error, "sqlite_errorcode", 0)
    if code in _NO_ROOM:
        return JournalFullError(f"{path}: no room on the disk; free some")
    if code & _PRIMARY in _BUSY:
        return JournalBusyError(f"{path}: locked by another program; end that program's work on it")
    if code & _PRIMARY in _DAMAGE:
        return DamageError(f"{path}: {error}; {KEEP}")
    return JournalError(f"{path}: {error}")
