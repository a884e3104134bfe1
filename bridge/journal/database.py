"""Connections to SQLite with the journal's settings."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, TypeVar

from .errors import KEEP, DamageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SUFFIXES = ("-wal", "-shm")  # SQLite's suffixes of a file in use
OPEN_S = 5.0  # for a reader that recovers the WAL after a crash
BUSY_S = 0.25  # while the bridge opens it; then it tries again, and can be stopped in between
_MINE = 0o600
_T = TypeVar("_T")


def writer(path: Path) -> sqlite3.Connection:
    """Open the one connection that writes; make the file, readable for its owner alone."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, _MINE))
    for file in (path, *beside(path)):
        if file.exists():
            file.chmod(_MINE)
    db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA temp_store = MEMORY")  # no secret in a file in /tmp
    except BaseException:
        db.close()
        raise
    return db


def reader(path: Path, wait_s: float = OPEN_S) -> sqlite3.Connection:
    """Open a connection that changes nothing, beside a running bridge or without one."""
    uri = f"{path.resolve().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=wait_s)


def archive(path: Path) -> sqlite3.Connection:
    """Open a file that never changes."""
    uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    return sqlite3.connect(uri, uri=True, isolation_level=None)


def plain(path: Path) -> sqlite3.Connection:
    """Open a copy that is not in use yet."""
    return sqlite3.connect(path, isolation_level=None)


def in_memory() -> sqlite3.Connection:
    """Open a database in memory, without files."""
    return sqlite3.connect(":memory:", isolation_level=None)


def sound(path: Path, db: sqlite3.Connection) -> None:
    """Check the file with SQLite's own check; raises DamageError."""
    found = [row[0] for row in db.execute("PRAGMA quick_check(1)")]
    if found != ["ok"]:
        raise DamageError(f"{path}: {found[0]}; {KEEP}")


def beside(path: Path) -> list[Path]:
    """Return SQLite's own files beside a database, which belong to that database alone."""
    return [path.with_name(path.name + suffix) for suffix in SUFFIXES]


def commit(db: sqlite3.Connection, work: Callable[[sqlite3.Connection], _T]) -> _T:
    """Do `work` in one transaction, all or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        done = work(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return done


def truncate_wal(db: sqlite3.Connection) -> bool:
    """Move all of the WAL into the file and empty it; False where another program blocks it.

    For a connection that never waits: a reader may take long.
    """
    return not db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
