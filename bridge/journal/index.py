"""The index of closed sales: made from the entries that close them, in the same commit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .records import POSTED, REFUND, Closed
from .schema import CLOSED_COLUMNS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

_WIDTH = len(Closed._fields) + 2
_AGAIN = ", ".join(f"{name} = excluded.{name}" for name in (*Closed._fields, "entry"))
# Insert a row, with the numbers of the sale's first entry and of the one that closes it.
INSERT = (
    f"INSERT INTO closed VALUES ({', '.join('?' * _WIDTH)}) "
    f"ON CONFLICT (sale_id) DO UPDATE SET {_AGAIN}"
)
INSERT_RECEIVER = "INSERT OR IGNORE INTO receivers VALUES (?, ?)"  # with the till of that time
_FIND = f"SELECT {CLOSED_COLUMNS} FROM closed WHERE sale_id = ?"
_FIND_BY = f"SELECT {CLOSED_COLUMNS} FROM closed WHERE approval_id = ?"
_BETWEEN = f"SELECT {CLOSED_COLUMNS} FROM closed WHERE decided_at >= ? AND decided_at < ?"
_REFUNDED = (
    "SELECT coalesce(sum(amount), 0) FROM closed "
    "WHERE original = ? AND original != '' AND kind = ? AND state = ?"  # in the index's form
)


def receivers(db: sqlite3.Connection) -> set[tuple[bytes, int]]:
    """Return every receiver of a closed sale, with the till number of that time."""
    return {(row[0], row[1]) for row in db.execute("SELECT receiver_id, till FROM receivers")}


def find(db: sqlite3.Connection, sale_id: str) -> Closed | None:
    found = db.execute(_FIND, (sale_id,)).fetchone()
    return Closed(*found) if found else None


def find_by(db: sqlite3.Connection, approval_id: bytes) -> Closed | None:
    """Find the sale of an approval; reads the whole index (20 ms for 100,000 sales)."""
    found = db.execute(_FIND_BY, (approval_id,)).fetchone()
    return Closed(*found) if found else None


def between(
    db: sqlite3.Connection, start: int, end: int, receiver_id: bytes | None
) -> list[Closed]:
    """Return sales decided from `start` to before `end`, in that order."""
    query: str = _BETWEEN
    values: tuple[int | bytes, ...] = (start, end)
    if receiver_id is not None:
        query, values = query + " AND receiver_id = ?", (*values, receiver_id)
    return [Closed(*row) for row in db.execute(f"{query} ORDER BY decided_at, rowid", values)]


def refunded(db: sqlite3.Connection, original: str) -> int:
    """Return the sum of the posted refunds of `original` (which is not empty)."""
    found: int = db.execute(_REFUNDED, (original, REFUND, POSTED)).fetchone()[0]
    return found


def span(db: sqlite3.Connection, sale_id: str) -> tuple[int, int] | None:
    """Return the first and last entry of a closed sale."""
    found = db.execute("SELECT opened, entry FROM closed WHERE sale_id = ?", (sale_id,)).fetchone()
    return (found[0], found[1]) if found else None


def everything(db: sqlite3.Connection) -> Iterator[tuple[Closed, int, int]]:
    """Return all of it, for comparison with the entries."""
    for *columns, opened, entry in db.execute(
        f"SELECT {CLOSED_COLUMNS}, opened, entry FROM closed"
    ):
        yield Closed(*columns), opened, entry


def counted(refunds: Iterable[Closed], original: str) -> int:
    """Return the same sum over closed sales that are not in the table yet."""
    return sum(
        one.amount
        for one in refunds
        if one.original == original and one.kind == REFUND and one.state == POSTED
    )
