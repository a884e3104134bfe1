"""From each older schema to the next. A new version is one row more in the table below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.domain import event_codec
from bridge.domain.states import Event, State

from . import chain, lives, reading, schema

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable


def _from_3(db: sqlite3.Connection) -> None:
    """No secrets, no archives, no index; the hash before stood in every entry."""
    for statement in (
        *schema.UNGUARD,
        "ALTER TABLE entries RENAME TO before",
        schema.ENTRIES,
        "INSERT INTO entries SELECT id, at, sale_id, kind, body, 0, x'', 3, hash FROM before",
        "DROP TABLE before",
        *schema.GUARDS,
        *schema.BESIDE_4,
    ):
        db.execute(statement)
    _tell_of_approved(db)


def _tell_of_approved(db: sqlite3.Connection) -> None:
    """Version 3 ended a sale with its approval, which the till had seen or might have seen."""
    rows = list(chain.checked(reading.rows(db), chain.GENESIS))
    head = chain.head(rows[-1]) if rows else chain.GENESIS
    for sale_id, sale in event_codec.replay(map(reading.entry, rows)).items():
        if sale.state is State.APPROVED:
            row = head.link(rows[-1].at, sale_id, Event.TOLD, "{}")
            db.execute(f"INSERT INTO entries VALUES ({', '.join('?' * len(row))})", row)
            head = chain.head(row)


def _from_4(db: sqlite3.Connection) -> None:
    """No lives, no alarms; receivers were found in the closed sales alone."""
    for statement in schema.BESIDE_5:
        db.execute(statement)
    lives.first(db)
    db.execute("INSERT INTO receivers SELECT DISTINCT receiver_id, till FROM closed")


# The steps are written for what they lead to: a later one may need the tables of its day spelled.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {3: _from_3, 4: _from_4}
