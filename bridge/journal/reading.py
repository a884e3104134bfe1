"""Read the tables of a journal or an archive, in pages: no statement stays open between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import chain, schema
from .chain import GENESIS, Head
from .records import Entry, Row

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

_PAGE = 500  # rows
_ROWS = f"SELECT {schema.COLUMNS} FROM entries WHERE id > ? ORDER BY id LIMIT {_PAGE}"
_OF_SALE = f"SELECT {schema.COLUMNS} FROM entries WHERE sale_id = ? ORDER BY id"
_AT = f"SELECT {schema.COLUMNS} FROM entries WHERE id = ?"
# A single entry with a wrong clock must not be the newest.
_HEAD = "SELECT last, head FROM archives ORDER BY number DESC LIMIT 1"


def version(db: sqlite3.Connection) -> int:
    number: int = db.execute("PRAGMA user_version").fetchone()[0]
    return number


def rows(db: sqlite3.Connection, after: int = 0) -> Iterator[Row]:
    """Yield every line after the entry `after`, in order."""
    while page := [Row(*columns) for columns in db.execute(_ROWS, (after,))]:
        yield from page
        after = page[-1].id


def rows_of(db: sqlite3.Connection, sale_id: str) -> list[Row]:
    return [Row(*columns) for columns in db.execute(_OF_SALE, (sale_id,))]


def rows_at(db: sqlite3.Connection, numbers: Iterable[int]) -> list[Row]:
    return [Row(*db.execute(_AT, (number,)).fetchone()) for number in numbers]


def base(db: sqlite3.Connection) -> Head:
    """Return what the live part follows: the head of the last archive."""
    found = db.execute(_HEAD).fetchone()
    return Head(*found) if found else GENESIS


def secret(db: sqlite3.Connection, row: Row) -> bytes:
    """Return the secret of a line; empty where it has none or it is erased."""
    if not row.sealed:
        return b""
    found = db.execute("SELECT secret FROM secrets WHERE entry = ?", (row.id,)).fetchone()
    return found[0] if found and chain.is_whole(found[0], row) else b""


def entry(row: Row, hidden: bytes = b"") -> Entry:
    return Entry(row.id, row.at, row.sale_id, row.kind, row.body, hidden)
