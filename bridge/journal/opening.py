"""Open a journal: create, migrate or check it before the first write."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from . import archive, chain, database, disk, lives, reading, schema
from .batch import Tally
from .errors import KEEP, DamageError, JournalError, failures
from .migrations import MIGRATIONS

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from .chain import Head
    from .records import Life


class Found(NamedTuple):
    """The content of the live part after reading all of it."""

    head: Head
    known: Tally
    doubts: list[str]  # archives that cannot be read


class Opened(NamedTuple):
    """The live part: its tables, the head before it, the facts about it."""

    db: sqlite3.Connection
    base: Head
    found: Found
    lives: list[Life]


def open_live(path: Path) -> Opened:
    """Open; raises JournalError, with the file unchanged, where it is not valid."""
    found = look(path)
    db = database.writer(path)
    try:
        found = found or Found(*_bring_up(path, db), archive.doubts(db, path))
        archive.tidy(db, path)
        disk.sync(path.parent)
        return Opened(db, reading.base(db), found, lives.everything(db))
    except BaseException:
        db.close()
        raise


def look(path: Path) -> Found | None:
    """Check all that an opening checks, without changes; also beside a bridge.

    None where it is to be created or migrated first. Raises JournalError.
    """
    with failures(path):
        return _look(path)


def restoring(path: Path) -> Path:
    """Return the file that exists beside a journal during a restore."""
    return path.with_name(path.name + "-restoring")


def rehearse(path: Path) -> None:
    """Migrate an older journal in memory, and check the result; raises JournalError."""
    with failures(path), closing(database.reader(path)) as db, closing(database.in_memory()) as to:
        db.backup(to)
        _bring_up(path, to)


def _look(path: Path) -> Found | None:
    _look_around(path)
    if not path.exists():
        return None
    numbers = archive.numbers(path)  # first: a running bridge names an archive before it records it
    with closing(database.reader(path, database.BUSY_S)) as db:
        db.execute("BEGIN")  # one moment
        if version(path, db) != schema.VERSION:
            return None
        database.sound(path, db)
        head, known = check(path, db)
        archive.left_over(db, path, numbers)
        return Found(head, known, archive.doubts(db, path))


def version(path: Path, db: sqlite3.Connection) -> int:
    """Return the schema's version, 0 for none; raises JournalError for an unknown one."""
    number = reading.version(db)
    if number == 0 and db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise JournalError(f"{path}: belongs to another program; name another file")
    if number not in {0, schema.VERSION, *MIGRATIONS}:
        newer = number > schema.VERSION
        advice = "a newer bridge wrote it: run that one" if newer else "it was never released"
        raise JournalError(f"{path}: schema {number}, this is for {schema.VERSION}; {advice}")
    return number


def check(path: Path, db: sqlite3.Connection) -> tuple[Head, Tally]:
    """Check the chain of the live part from the last archive on, and every secret in it."""
    head, known = reading.base(db), Tally()
    for row in chain.checked(reading.rows(db, head.last), head):
        head = chain.head(row)
        known.take(row, hides=bool(reading.secret(db, row)))
    beside = db.execute("SELECT count(*) FROM entries WHERE id <= ?", (reading.base(db).last,))
    if beside.fetchone()[0]:
        raise DamageError(f"{path}: repeats entries of the archives; {KEEP}")
    return head, known


def _look_around(path: Path) -> None:
    """Check for remains of a missing journal; SQLite would delete a WAL."""
    if restoring(path).exists():
        raise JournalError(
            f"{path}: a restore was begun and not finished: run `tillsign journal restore` again"
        )
    if path.exists() and path.stat().st_size:
        return
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size:
        raise DamageError(f"{path}: is missing or empty, but {wal} is not; put back both")
    if numbers := archive.numbers(path):
        raise DamageError(archive.newer(path, numbers[0]))


def _bring_up(path: Path, db: sqlite3.Connection) -> tuple[Head, Tally]:
    """Create or migrate the tables, in one transaction, which must pass the check."""
    return database.commit(db, partial(_made, path))


def _made(path: Path, db: sqlite3.Connection) -> tuple[Head, Tally]:
    number = reading.version(db)
    if number == 0:
        for statement in schema.LIVE:
            db.execute(statement)
        lives.first(db)
        number = schema.VERSION
    while number < schema.VERSION:
        MIGRATIONS[number](db)
        number += 1
    db.execute(f"PRAGMA user_version = {number}")
    database.sound(path, db)
    return check(path, db)
