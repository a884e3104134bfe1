"""The journal: append-only, hash-chained, on disk before any outward act (design §5 rule 1).

SQLite in WAL mode with synchronous=FULL: when `append` returns, the entry survives a power cut.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# 1: asked only after the receiver's verdict. 2: a decline passed on without it.
SCHEMA_VERSION = 3
GENESIS = bytes(32)  # what the first entry has before it

_SCHEMA = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    sale_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    prev BLOB NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE TRIGGER entries_stay BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER entries_remain BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
"""


class JournalError(Exception):
    """The journal cannot be used: held by another process, of another version, or tampered with."""


class Entry(NamedTuple):
    """One line of the journal; `at` in milliseconds since 1970, `body` JSON."""

    id: int
    at: int
    sale_id: str
    kind: str
    body: str


class Journal:
    """The one writer of the file at `path`; a second process is refused."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last, self._head = 0, GENESIS
        with ExitStack() as stack:
            try:
                self._db = sqlite3.connect(path, isolation_level=None, timeout=0)
                stack.callback(self._db.close)
                self._prepare()
            except sqlite3.Error as error:
                raise JournalError(f"{path}: {error}") from error
            stack.pop_all()

    def append(self, at: int, sale_id: str, kind: str, body: str) -> None:
        """Write one entry to disk; returns when it is there."""
        entry = Entry(self._last + 1, at, sale_id, kind, body)
        after = _hash(self._head, entry)
        self._db.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", (*entry, self._head, after)
        )
        self._last, self._head = entry.id, after

    def rebuild(self) -> Iterator[Entry]:
        """Every entry in order, the chain checked; raises JournalError where it breaks."""
        head = GENESIS
        rows = self._db.execute("SELECT * FROM entries ORDER BY id")
        for number, (*columns, before, after) in enumerate(rows, 1):
            entry = Entry(*columns)
            if entry.id != number or before != head or after != _hash(before, entry):
                raise JournalError(f"{self._path}: the hash chain breaks at entry {entry.id}")
            head = after
            yield entry

    def close(self) -> None:
        self._db.close()

    def _prepare(self) -> None:
        # Exclusive from the first access on: the lock is SQLite's own and ends with the process.
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("BEGIN EXCLUSIVE")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        self._db.execute("COMMIT")
        if version == 0:
            self._db.executescript(
                f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            )
        elif version != SCHEMA_VERSION:
            raise JournalError(f"{self._path}: schema {version}, this is for {SCHEMA_VERSION}")
        newest = self._db.execute(
            "SELECT id, hash FROM entries ORDER BY id DESC LIMIT 1"
        ).fetchone()
        self._last, self._head = newest or (0, GENESIS)


def _hash(before: bytes, entry: Entry) -> bytes:
    """SHA-256 over the hash before and every column, each with its length in front."""
    state = sha256(before)
    for column in entry:
        raw = str(column).encode()
        state.update(len(raw).to_bytes(4, "big") + raw)
    return state.digest()
