"""The lives of a journal: where its history was broken, and why.

A copy of a file has the life of the file. A journal restored from an older copy, or found to be
behind, begins a new one: two histories that differ after one entry never share a life.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from .records import LIFE, Life

if TYPE_CHECKING:
    import sqlite3

    from .records import Row

SIZE = 16  # bytes, random: no two journals ever share a life

# Causes.
NEW = "new"  # the file was created
RESTORED = "restored"  # restored by `tillsign journal restore`
BEHIND = "behind"  # found by the bridge: others have a newer position
RECOVERED = "recovered"  # the authority was asked about what the life before lacked
CAUSES = (NEW, RESTORED, BEHIND, RECOVERED)
TO_RECOVER = (RESTORED, BEHIND)  # serves nothing before the authority was asked

_COLUMNS = ", ".join(Life._fields)
_FIRST = f"INSERT INTO lives VALUES ({', '.join('?' * len(Life._fields))})"
_NEXT = "INSERT INTO lives SELECT max(number) + 1, ?, ?, ?, ?, ? FROM lives"


def first(db: sqlite3.Connection) -> None:
    """Begin the life of a new journal; it has no entry."""
    db.execute(_FIRST, Life(1, os.urandom(SIZE), NEW, b"", time.time_ns() // 1_000_000, 0))


def body(previous: bytes, cause: str) -> str:
    """Return the body of the entry that begins a new life."""
    octets = {"life": os.urandom(SIZE).hex(), "previous": previous.hex()}
    return json.dumps({**octets, "cause": cause}, separators=(",", ":"))


def insert(db: sqlite3.Connection, row: Row) -> None:
    """Insert the life that an entry begins into the table."""
    db.execute(_NEXT, load(0, row)[1:])


def load(number: int, row: Row) -> Life:
    """Load the life that an entry of the kind LIFE begins."""
    values = json.loads(row.body)
    life, previous = (bytes.fromhex(values[name]) for name in ("life", "previous"))
    return Life(number, life, values["cause"], previous, row.at, row.id)


def everything(db: sqlite3.Connection) -> list[Life]:
    return [Life(*row) for row in db.execute(f"SELECT {_COLUMNS} FROM lives ORDER BY number")]


def follow_from(found: list[Life], rows: list[Row]) -> bool:
    """Return whether the table holds the first life, and then those of the entries."""
    if not found or found[0][2:4] != (NEW, b"") or (found[0].number, found[0].entry) != (1, 0):
        return False
    told = [load(number, row) for number, row in enumerate(rows, 2) if row.kind == LIFE]
    linked = [one.previous for one in found[1:]] == [one.life for one in found[:-1]]
    return linked and found[1:] == told
