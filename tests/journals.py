"""What tests of the journal share."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from bridge.journal import Closed


def closed(
    sale_id: str,
    kind: str = "sale",
    receiver_id: bytes = b"receiver",
    state: str = "posted",
    amount: int = 100,
    at: int = 5,
    original: str = "",
) -> Closed:
    """A sale that is over."""
    ids = (b"t" * 16, b"a" * 16)
    return Closed(
        sale_id, kind, receiver_id, 7, state, 0, amount, 752, at, *ids, '{"å":1}', original
    )


def tamper(path: Path, *statements: str) -> None:
    """As somebody with the file in hand would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for trigger in ("entries_stay", "entries_remain", "archives_stay", "archives_remain"):
            with suppress(sqlite3.OperationalError):
                db.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            db.execute(statement)


def raw(path: Path) -> bytes:
    """Every byte in the journal's files, archives too."""
    beside = (path, path.with_name(path.name + "-wal"), *path.with_suffix(".archive").glob("*"))
    return b"".join(file.read_bytes() for file in beside if file.exists())
