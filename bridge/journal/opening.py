"""Opening a journal: made, migrated or checked before anything is written to it."""

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
    """What the live part says when all of it was read."""

    head: Head
    known: Tally
    doubts: list[str]  # archives of which what stands in them cannot be shown


class Opened(NamedTuple):
    """What the live part is: its tables, what it follows, what is known of it."""

    db: sqlite3.Connection
    base: Head
    found: Found
    lives: list[Life]


def open_live(path: Path) -> Opened:
    """Raises JournalError, with the file as it was, where it cannot be trusted."""
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
    """All that is checked before a journal is opened, changing nothing; also beside a bridge.

    None where it is to be made or migrated first. Raises JournalError.
    """
    with failures(path):
        return _look(path)


def restoring(path: Path) -> Path:
    """The file that stands beside a journal while another is put in its place."""
    return path.with_name(path.name + "-restoring")


def rehearse(path: Path) -> None:
    """Migrate an older journal in memory, and check what comes of it; raises JournalError."""
    with failures(path), closing(database.reader(path)) as db, closing(database.in_memory()) as to:
        db.backup(to)
        _bring_up(path, to)


def _look(path: Path) -> Found | None:
    _look_around(path)
    if not path.exists():
        return None
    numbers = archive.numbers(path)  # first: a bridge that runs names one before it says so
    with closing(database.reader(path, database.BUSY_S)) as db:
        db.execute("BEGIN")  # one moment
        if version(path, db) != schema.VERSION:
            return None
        database.sound(path, db)
        head, known = check(path, db)
        archive.left_over(db, path, numbers)
        return Found(head, known, archive.doubts(db, path))


def version(path: Path, db: sqlite3.Connection) -> int:
    """The schema's version, 0 where there is none yet; raises JournalError for an unknown one."""
    number = reading.version(db)
    if number == 0 and db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
        raise JournalError(f"{path}: is another program's database; name another file")
    if number not in {0, schema.VERSION, *MIGRATIONS}:
        newer = number > schema.VERSION
        advice = "a newer bridge wrote it: run that one" if newer else "it was never released"
        raise JournalError(f"{path}: schema {number}, this is for {schema.VERSION}; {advice}")
    return number


def check(path: Path, db: sqlite3.Connection) -> tuple[Head, Tally]:
    """The chain of the live part from the last archive on, and every secret in it."""
    head, known = reading.base(db), Tally()
    for row in chain.checked(reading.rows(db, head.last), head):
        head = chain.head(row)
        known.take(row, hides=bool(reading.secret(db, row)))
    beside = db.execute("SELECT count(*) FROM entries WHERE id <= ?", (reading.base(db).last,))
    if beside.fetchone()[0]:
        raise DamageError(f"{path}: has entries that the archives have too; {KEEP}")
    return head, known


def _look_around(path: Path) -> None:
    """What is left of a journal whose file is gone; SQLite would throw away a WAL."""
    if restoring(path).exists():
        raise JournalError(
            f"{path}: a restore was begun and not finished: run `tillsign journal restore` again"
        )
    if path.exists() and path.stat().st_size:
        return
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size:
        raise DamageError(f"{path}: is missing or empty, and {wal} is not; put back both")
    if numbers := archive.numbers(path):
        raise DamageError(archive.newer(path, numbers[0]))


def _bring_up(path: Path, db: sqlite3.Connection) -> tuple[Head, Tally]:
    """Make or migrate the tables, in one transaction, kept only if they hold after it."""
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
