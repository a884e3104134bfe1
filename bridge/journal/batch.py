"""What is noted and not yet written, and what is known of the live part without reading it."""

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
    """Where a sale's lines are in the live part; of open ones, where they begin, what they hide."""

    def __init__(self) -> None:
        self.lines: dict[str, list[int]] = {}
        self.opened: dict[str, int] = {}
        self.hidden: dict[str, list[int]] = {}  # the numbers of entries that have a secret
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
    """Lines in order, with their secrets; written at once, or not at all."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.secrets: dict[int, bytes] = {}
        self.closed: dict[str, Closed] = {}

    def take_back(self) -> None:
        """Forget the line that came last, which closed nothing."""
        self.secrets.pop(self.rows.pop().id, None)

    def close(self, row: Row, closed: Closed) -> None:
        """The sale's secrets in here need no erasing: they never reach the disk."""
        for line in self.of_sale(closed.sale_id):
            self.secrets.pop(line.id, None)
        self.rows.append(row)
        self.closed[closed.sale_id] = closed

    def of_sale(self, sale_id: str) -> list[Row]:
        return [row for row in self.rows if row.sale_id == sale_id and row.of_a_sale]

    def write(self, db: sqlite3.Connection, known: Tally) -> int:
        """All of it into the tables, in the caller's transaction; how many secrets it erased."""
        db.executemany(INSERT, self.rows)
        if self.secrets:
            db.executemany(KEEP, self.secrets.items())
        erased = 0
        for row in self.rows:
            if row.kind.startswith(OWN):
                erased += self._write_beside(db, row, known)
        return erased

    def hand_over(self, known: Tally) -> None:
        """It is written: what is known now, and nothing is noted."""
        for row in self.rows:
            known.take(row, hides=row.id in self.secrets)
        self.rows.clear()
        self.secrets.clear()
        self.closed.clear()

    def _write_beside(self, db: sqlite3.Connection, row: Row, known: Tally) -> int:
        """Into the table that follows from a line of the journal's own; the secrets it erased."""
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
