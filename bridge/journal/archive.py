"""Archives: files beside the journal that hold what was moved out of it, each written once.

An archive is whole and on the disk before it has its name, and the journal lets go of the lines in
one transaction after that. What a crash leaves between the two is a file that says nothing new.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from . import chain, database, disk, reading, schema
from .errors import DamageError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from .chain import Head
    from .records import Row

_SUFFIX = ".sqlite"
_PARTIAL = ".partial"
_DIGITS = 6
_PAGE_SIZE = 16384  # a quarter less time to write than with 4096, measured


def folder(journal: Path) -> Path:
    return journal.with_suffix(".archive")


def file(journal: Path, number: int) -> Path:
    return folder(journal) / f"{number:0{_DIGITS}}{_SUFFIX}"


def numbers(journal: Path) -> list[int]:
    """Of the archive files that are there, known to the journal or not."""
    names = (path.stem for path in folder(journal).glob(f"*{_SUFFIX}"))
    return sorted(int(name) for name in names if name.isdigit())


def known(
    db: sqlite3.Connection, first: int = 1, last: int | None = None
) -> list[tuple[int, Head]]:
    """Numbers and heads of the archives that hold any of these entries, in order."""
    query = "SELECT number, last, head FROM archives WHERE last >= ? AND first <= ? ORDER BY number"
    end = last if last is not None else reading.base(db).last
    return [(row[0], chain.Head(*row[1:])) for row in db.execute(query, (first, end))]


def write(db: sqlite3.Connection, journal: Path, number: int) -> Path:
    """Copy the entries of the live part to an archive that is not named yet."""
    disk.folder(folder(journal))
    partial = file(journal, number).with_suffix(_PARTIAL)
    disk.remove(partial)
    db.execute("ATTACH DATABASE ? AS archive", (str(partial),))
    try:
        db.execute(f"PRAGMA archive.page_size = {_PAGE_SIZE}")
        # Nothing reads it before it is whole, and `settle` brings it to the disk.
        db.execute("PRAGMA archive.journal_mode = OFF")
        db.execute("PRAGMA archive.synchronous = OFF")
        with database.transaction(db):
            for statement in schema.ARCHIVE:
                db.execute(statement)
    finally:
        db.execute("DETACH DATABASE archive")
    return partial


def check(path: Path) -> None:
    """What SQLite itself finds wrong with an archive."""
    with closing(_opened(path)) as db:
        database.sound(path, db)


def rows(path: Path) -> Iterator[Row]:
    """Every line of one archive, in order."""
    with closing(_opened(path)) as db:
        yield from reading.rows(db)


def gathered(
    db: sqlite3.Connection, journal: Path, sale_id: str, first: int, last: int | None
) -> list[Row]:
    """A sale's lines in the archives that hold the entries `first` to `last`."""
    found: list[Row] = []
    for number, _ in known(db, first, last):
        with closing(_opened(file(journal, number))) as archived:
            found += reading.rows_of(archived, sale_id)
    return found


def has_news(db: sqlite3.Connection, journal: Path, after: int) -> bool:
    """Whether something happened after the entry `after` that is archived; they are not empty."""
    number, _ = known(db)[-1]
    with closing(_opened(file(journal, number))) as archived:
        first: int = archived.execute("SELECT min(id) FROM entries").fetchone()[0]
        return after + 1 < first or any(row.is_news for row in reading.rows(archived, after))


def head(path: Path) -> Head | None:
    """Where the chain has come to at the archive's end."""
    with closing(_opened(path)) as db:
        found = db.execute("SELECT id, hash FROM entries ORDER BY id DESC LIMIT 1").fetchone()
    return chain.Head(*found) if found else None


def tidy(db: sqlite3.Connection, journal: Path) -> None:
    """Take away what a crash left of an archive, all of which the live part still has.

    Raises DamageError where an archive holds what the journal has never heard of.
    """
    expected = len(known(db)) + 1
    disk_partial = file(journal, expected).with_suffix(_PARTIAL)
    if disk_partial.exists():
        disk.remove(disk_partial)
    for number in numbers(journal):
        if number >= expected:
            if not is_left_over(db, journal, number):
                raise DamageError(newer(journal, number))
            disk.remove(file(journal, number))


def is_left_over(db: sqlite3.Connection, journal: Path, number: int) -> bool:
    """Whether an archive that the journal does not know holds only what the live part has."""
    if number != len(known(db)) + 1:
        return False
    end = head(file(journal, number))
    mine = "SELECT id, hash FROM entries WHERE id = ?"
    return end is not None and db.execute(mine, (end.last,)).fetchone() == end


def newer(journal: Path, number: int) -> str:
    """What is to be said of an archive that the journal does not know."""
    return (
        f"{file(journal, number)}: holds entries that {journal} does not have: that is an older "
        "copy, or a new file in its place; put the right one there, or move the archives away"
    )


def _opened(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise DamageError(f"{path}: this archive is missing; put it back from a copy")
    return database.archive(path)
