"""Archives: files beside the journal with the entries moved out of it, each written once.

An archive is complete and on the disk before it gets its name; after that one transaction removes
its lines from the journal. A crash between the two leaves a file with nothing new.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from . import chain, database, disk, reading, schema
from .errors import ArchiveError, DamageError
from .records import CLOSED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .chain import Head
    from .records import Row

_SUFFIX = ".sqlite"
_PARTIAL = ".partial"
_DIGITS = 6
_PAGE_SIZE = 16384  # a quarter less time to write than with 4096, measured

_HASH = "SELECT hash FROM entries WHERE id = ?"
# A sale is closed with the time of its decision, which may be long ago.
_NEWEST = (
    f"SELECT at FROM entries WHERE carried = 0 AND kind != '{CLOSED}' ORDER BY id DESC LIMIT 1"
)


def folder(journal: Path) -> Path:
    return journal.with_suffix(".archive")


def file(journal: Path, number: int) -> Path:
    return folder(journal) / f"{number:0{_DIGITS}}{_SUFFIX}"


def numbers(journal: Path) -> list[int]:
    """List the numbers of the archive files, known to the journal or not."""
    names = (path.stem for path in folder(journal).glob(f"*{_SUFFIX}"))
    return sorted(int(name) for name in names if name.isdigit())


def known(
    db: sqlite3.Connection, first: int = 1, last: int | None = None
) -> list[tuple[int, Head]]:
    """Return numbers and heads of the archives that hold any of these entries, in order."""
    query = "SELECT number, last, head FROM archives WHERE last >= ? AND first <= ? ORDER BY number"
    end = last if last is not None else reading.base(db).last
    return [(row[0], chain.Head(*row[1:])) for row in db.execute(query, (first, end))]


def write(db: sqlite3.Connection, journal: Path, number: int) -> Path:
    """Copy the entries of the live part to an archive that has no name yet."""
    disk.folder(folder(journal))
    partial = file(journal, number).with_suffix(_PARTIAL)
    disk.remove(partial)
    db.execute("ATTACH DATABASE ? AS archive", (str(partial),))
    try:
        db.execute(f"PRAGMA archive.page_size = {_PAGE_SIZE}")
        # It has no reader before it is complete, and `install` brings it to the disk.
        db.execute("PRAGMA archive.journal_mode = OFF")
        db.execute("PRAGMA archive.synchronous = OFF")
        database.commit(db, schema.make_archive)
    finally:
        db.execute("DETACH DATABASE archive")
    return partial


def check(path: Path) -> None:
    """Return SQLite's own findings about an archive."""
    with _opened(path) as db:
        database.sound(path, db)


def rows(path: Path) -> Iterator[Row]:
    """Yield every line of one archive, in order."""
    with _opened(path) as db:
        yield from reading.rows(db)


def gathered(
    db: sqlite3.Connection, journal: Path, sale_id: str, first: int, last: int | None
) -> list[Row]:
    """Return a sale's lines from the archives that hold the entries `first` to `last`."""
    found: list[Row] = []
    for number, _ in known(db, first, last):
        with _opened(file(journal, number)) as archived:
            found += reading.rows_of(archived, sale_id)
    return found


def has_news(db: sqlite3.Connection, journal: Path, after: int) -> bool:
    """Return whether an archived entry after `after` reports an event; archives are not empty."""
    number, _ = known(db)[-1]
    with _opened(file(journal, number)) as archived:
        first: int = archived.execute("SELECT min(id) FROM entries").fetchone()[0]
        return after + 1 < first or any(row.is_news for row in reading.rows(archived, after))


def head(path: Path) -> Head | None:
    """Return the head of the chain at the archive's end."""
    with _opened(path) as db:
        found = db.execute("SELECT id, hash FROM entries ORDER BY id DESC LIMIT 1").fetchone()
    return chain.Head(*found) if found else None


def hash_at(db: sqlite3.Connection, journal: Path, sequence: int) -> bytes | None:
    """Return the chain's hash at an entry, here or in an archive; None without such an entry."""
    if sequence == chain.GENESIS.last:
        return chain.GENESIS.hash
    if found := db.execute(_HASH, (sequence,)).fetchone():
        return bytes(found[0])
    for number, end in known(db, sequence, sequence):
        if end.last == sequence:
            return end.hash
        with _opened(file(journal, number)) as archived:
            if found := archived.execute(_HASH, (sequence,)).fetchone():
                return bytes(found[0])
    return None


def newest_at(db: sqlite3.Connection, journal: Path) -> int:
    """Return the time of the newest entry that repeats no other; 0 where none can be read."""
    if found := db.execute(_NEWEST).fetchone():
        return int(found[0])
    for number, _ in reversed(known(db)):
        with suppress(ArchiveError), _opened(file(journal, number)) as archived:
            if found := archived.execute(_NEWEST).fetchone():
                return int(found[0])
    return 0


def doubts(db: sqlite3.Connection, journal: Path) -> list[str]:
    """Describe archives that are missing, and a last one with another end, in a sentence each.

    Earlier ones are not read: reading them all would make a start slower every year.
    """
    there = set(numbers(journal))
    recorded = known(db)
    names = [file(journal, number) for number, _ in recorded if number not in there]
    found = [_missing(path) for path in names if not path.exists()]
    if recorded and (last := file(journal, recorded[-1][0])).exists():
        try:
            if head(last) != recorded[-1][1]:
                found.append(_other_end(last))
        except ArchiveError as error:
            found.append(str(error))
    return found


def tidy(db: sqlite3.Connection, journal: Path) -> None:
    """Remove the remains of an archive after a crash; the live part still has their entries.

    Raises DamageError where an archive holds entries unknown to the journal.
    """
    partial = file(journal, len(known(db)) + 1).with_suffix(_PARTIAL)
    if partial.exists():
        disk.remove(partial)
    for path in left_over(db, journal, numbers(journal)):
        disk.remove(path)


def left_over(db: sqlite3.Connection, journal: Path, found: list[int]) -> list[Path]:
    """Return the archives that a crash left; raises DamageError for other unknown ones."""
    last = len(known(db))
    strange = [number for number in found if number > last]
    for number in strange:
        if not is_left_over(db, journal, number):
            raise DamageError(newer(journal, number))
    return [file(journal, number) for number in strange]


def is_left_over(db: sqlite3.Connection, journal: Path, number: int) -> bool:
    """Return whether an unknown archive holds only entries of the live part."""
    if number != len(known(db)) + 1:
        return False
    end = head(file(journal, number))
    mine = "SELECT id, hash FROM entries WHERE id = ?"
    return end is not None and db.execute(mine, (end.last,)).fetchone() == end


def newer(journal: Path, number: int) -> str:
    """Describe an archive that the journal does not know."""
    return (
        f"{file(journal, number)}: holds entries that {journal} does not have: that is an older "
        "copy, or a new file in its place; put the right one back, or move the archives away"
    )


def must_exist(path: Path) -> None:
    """Raise ArchiveError where there is no such archive."""
    if not path.exists():
        raise ArchiveError(_missing(path))


def _missing(path: Path) -> str:
    return f"{path}: this archive is missing; put it back from a backup"


def _other_end(path: Path) -> str:
    return f"{path}: does not end with the entry recorded in the journal"


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open one archive for reading; raises ArchiveError where it is missing or cannot be read."""
    must_exist(path)
    try:
        with closing(database.archive(path)) as db:
            yield db
    except (sqlite3.Error, OSError) as error:
        raise ArchiveError(f"{path}: {error}; put it back from a backup") from error
