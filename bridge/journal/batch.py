"""Entries that are noted but not yet written, and the known facts about the live part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import alarms, index, lives
from .records import CLOSED, LIFE, OWN, Closed, Row

if TYPE_CHECKING:
    import sqlite3

INSERT = f"INSERT INTO entries VALUES ({', '.join('?' * len(Row._fields))})"
KEEP = "INSERT INTO secrets VALUES (?, ?)"
_ERASE = "UPDATE secrets SET secret = zeroblob(length(secret)) WHERE entry = ?"


class Tally:
    """Where a sale's lines are in the live part; for open ones, their first line and secrets."""

    def __init__(self) -> None:
        self.lines: dict[str, list[int]] = {}
        self.opened: dict[str, int] = {}
        self.hidden: dict[str, list[int]] = {}  # the numbers of entries with a secret
        self.closings = 0
        self.carried = 0  # sales that the live part began with

    def take(self, row: Row, *, hides: bool) -> None:
        sale_id = row.sale_id
        if row.kind == CLOSED:
            self.opened.pop(sale_id, None)
            self.hidden.pop(sale_id, None)
            self.closings += 1
        elif row.kind.startswith(OWN):
            return
        elif sale_id not in self.opened:
            self.carried += bool(row.carried)
            self.opened[sale_id] = row.carried or row.id
        if hides:
            self.hidden.setdefault(sale_id, []).append(row.id)
        self.lines.setdefault(sale_id, []).append(row.id)


class Batch:
    """Lines in order, with their secrets; written together or not at all."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.secrets: dict[int, bytes] = {}
        self.closed: dict[str, Closed] = {}

    def take_back(self) -> None:
        """Remove the last line, which closed nothing."""
        self.secrets.pop(self.rows.pop().id, None)

    def close(self, row: Row, closed: Closed) -> None:
        """Note the close; secrets noted here need no erasing, as they never reach the disk."""
        for line in self.of_sale(closed.sale_id):
            self.secrets.pop(line.id, None)
        self.rows.append(row)
        self.closed[closed.sale_id] = closed

    def of_sale(self, sale_id: str) -> list[Row]:
        return [row for row in self.rows if row.sale_id == sale_id and row.of_a_sale]

    def write(self, db: sqlite3.Connection, known: Tally) -> int:
        """Write it to the tables, in the caller's transaction; return the erased secrets."""
        db.executemany(INSERT, self.rows)
        if self.secrets:
            db.executemany(KEEP, self.secrets.items())
        erased = 0
        for row in self.rows:
            if row.kind.startswith(OWN):
                erased += self._write_beside(db, row, known)
        return erased

    def hand_over(self, known: Tally) -> None:
        """Update the known facts after the write, and start empty."""
        for row in self.rows:
            known.take(row, hides=row.id in self.secrets)
        self.rows.clear()
        self.secrets.clear()
        self.closed.clear()

    def _write_beside(self, db: sqlite3.Connection, row: Row, known: Tally) -> int:
        """Write a line's row in its derived table; return the secrets that it erased."""
        if row.kind == LIFE:
            lives.insert(db, row)
        elif row.kind != CLOSED:
            alarms.insert(db, row)
        else:
            hidden = known.hidden.get(row.sale_id, ())
            db.executemany(_ERASE, [(entry,) for entry in hidden])
            first = known.opened.get(row.sale_id) or self.of_sale(row.sale_id)[0].id
            closed = self.closed[row.sale_id]
            db.execute(index.INSERT, (*closed, first, row.id))
            db.execute(index.INSERT_RECEIVER, (closed.receiver_id, closed.till))
            return len(hidden)
        return 0
