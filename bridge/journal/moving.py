"""Move the live part to an archive, and carry open sales over to the next live part."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

from . import archive, chain, database, disk, reading, schema
from .batch import INSERT, KEEP, Tally
from .errors import DamageError
from .records import Row

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from .chain import Head

_OPEN = (
    f"SELECT {schema.COLUMNS}, secret FROM entries LEFT JOIN secrets ON entry = id "
    "WHERE sale_id IN (SELECT value FROM json_each(?)) ORDER BY id"
)
_NEW = "INSERT INTO archives VALUES (?, ?, ?, ?)"


def move(db: sqlite3.Connection, path: Path, head: Head, sale_ids: set[str]) -> tuple[Head, Tally]:
    """Move everything up to `head`; return the new live part's head and the facts about it.

    Archive on disk first, then one transaction: after a crash all of it is in one of the two.
    """
    number = len(archive.known(db)) + 1
    base = reading.base(db)
    archive.tidy(db, path)
    disk.install(archive.write(db, path, number), archive.file(path, number))
    if archive.head(archive.file(path, number)) != head:
        raise DamageError(f"{archive.file(path, number)}: differs from what was written")
    carried, secrets, known = _carry(db, head, sale_ids)
    archived = (number, base.last + 1, *head)
    database.commit(db, partial(_replace, archived=archived, carried=carried, secrets=secrets))
    return (chain.head(carried[-1]) if carried else head), known


def _replace(
    db: sqlite3.Connection,
    archived: tuple[int, int, int, bytes],
    carried: list[Row],
    secrets: dict[int, bytes],
) -> None:
    """Record the archive, and replace its entries by those carried over."""
    db.execute(_NEW, archived)
    _replace_entries(db, carried)
    db.execute("DELETE FROM secrets")  # secure: see database.writer
    db.executemany(KEEP, secrets.items())


def _carry(
    db: sqlite3.Connection, head: Head, sale_ids: set[str]
) -> tuple[list[Row], dict[int, bytes], Tally]:
    """Repeat the lines of open sales at the end of the chain, with their secrets."""
    carried: list[Row] = []
    secrets: dict[int, bytes] = {}
    known = Tally()
    for *columns, secret in db.execute(_OPEN, (json.dumps(sorted(sale_ids)),)).fetchall():
        row = Row(*columns)
        if row.own:
            continue
        again = head.link(
            row.at, row.sale_id, row.kind, row.body, carried=row.origin, sealed=row.sealed
        )
        if hides := bool(row.sealed) and chain.is_whole(secret, row):
            secrets[again.id] = secret
        known.take(again, hides=hides)
        carried.append(again)
        head = chain.head(again)
    return carried, secrets, known


def _replace_entries(db: sqlite3.Connection, carried: list[Row]) -> None:
    """Replace the entries; they are archived and not secret: no need to overwrite them."""
    for statement in schema.UNGUARD:
        db.execute(statement)
    db.execute("PRAGMA secure_delete = OFF")
    try:
        db.execute("DELETE FROM entries")
    finally:
        db.execute("PRAGMA secure_delete = ON")
    db.executemany(INSERT, carried)
    for statement in schema.GUARDS:
        db.execute(statement)
