"""From each older schema to the next. A new version is one row more in the table below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import schema

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
        *schema.BESIDE,
    ):
        db.execute(statement)


# The steps are written for what they lead to: a later one may need the tables of its day spelled.
MIGRATIONS: dict[int, Callable[[sqlite3.Connection], None]] = {3: _from_3}
