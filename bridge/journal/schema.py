"""The tables, and their version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .records import Alarm, Closed, Row

if TYPE_CHECKING:
    import sqlite3

VERSION = 1

COLUMNS = ", ".join(Row._fields)
_ENTRIES = """
CREATE TABLE {where}entries (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    sale_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    carried INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    rule INTEGER NOT NULL,
    hash BLOB NOT NULL
) STRICT
"""
# An archive needs nothing else: it is written once. The index is for `entries_of`.
_ARCHIVE = (
    _ENTRIES.format(where="archive."),
    f"INSERT INTO archive.entries SELECT {COLUMNS} FROM main.entries",
    "CREATE INDEX archive.entries_by_sale ON entries (sale_id)",
    f"PRAGMA archive.user_version = {VERSION}",
)
_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
GUARDS = (
    f"CREATE TRIGGER entries_stay BEFORE UPDATE ON entries {_REFUSE}",
    f"CREATE TRIGGER entries_remain BEFORE DELETE ON entries {_REFUSE}",
)
UNGUARD = ("DROP TRIGGER IF EXISTS entries_stay", "DROP TRIGGER IF EXISTS entries_remain")
# Secrets are only added at the end and overwritten in place, so that SQLite never moves one
# to another page and leaves a copy behind.
_SECRETS = "CREATE TABLE secrets (entry INTEGER PRIMARY KEY, secret BLOB NOT NULL) STRICT"
# The archives in their order: their entries, and the hash at their end.
_ARCHIVES = (
    """
    CREATE TABLE archives (
        number INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        head BLOB NOT NULL
    ) STRICT
    """,
    f"CREATE TRIGGER archives_stay BEFORE UPDATE ON archives {_REFUSE}",
    f"CREATE TRIGGER archives_remain BEFORE DELETE ON archives {_REFUSE}",
)
# Made from the entries that close a sale. `opened` and `entry`: the sale's first and last entry.
_CLOSED = (
    """
    CREATE TABLE closed (
        sale_id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        receiver_id BLOB NOT NULL,
        till INTEGER NOT NULL,
        state TEXT NOT NULL,
        reason INTEGER NOT NULL,
        amount INTEGER NOT NULL,
        currency INTEGER NOT NULL,
        decided_at INTEGER NOT NULL,
        transaction_id BLOB NOT NULL,
        approval_id BLOB NOT NULL,
        terms TEXT NOT NULL,
        original TEXT NOT NULL,
        opened INTEGER NOT NULL,
        entry INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX closed_by_time ON closed (decided_at)",
    "CREATE INDEX closed_by_original ON closed (original) WHERE original != ''",
)
# The first life is made with the table; each later one from its entry.
_LIVES = (
    """
    CREATE TABLE lives (
        number INTEGER PRIMARY KEY,
        life BLOB NOT NULL,
        cause TEXT NOT NULL,
        previous BLOB NOT NULL,
        at INTEGER NOT NULL,
        entry INTEGER NOT NULL
    ) STRICT
    """,
    f"CREATE TRIGGER lives_stay BEFORE UPDATE ON lives {_REFUSE}",
    f"CREATE TRIGGER lives_remain BEFORE DELETE ON lives {_REFUSE}",
)
# Made from the entries that raise and acknowledge them; `acknowledged` is 0 before that.
_ALARMS = """
CREATE TABLE alarms (
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    sale_id TEXT NOT NULL,
    approval_id BLOB NOT NULL,
    amount INTEGER NOT NULL,
    currency INTEGER NOT NULL,
    till INTEGER NOT NULL,
    receiver_id BLOB NOT NULL,
    at INTEGER NOT NULL,
    detail TEXT NOT NULL,
    entry INTEGER NOT NULL,
    by TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    acknowledged_at INTEGER NOT NULL DEFAULT 0,
    acknowledged INTEGER NOT NULL DEFAULT 0
) STRICT
"""
# Every receiver of a closed sale, with the till number of that time: a few rows, while finding
# them in `closed` means to read all of it.
_RECEIVERS = """
CREATE TABLE receivers (
    receiver_id BLOB NOT NULL,
    till INTEGER NOT NULL,
    PRIMARY KEY (receiver_id, till)
) STRICT, WITHOUT ROWID
"""
CLOSED_COLUMNS = ", ".join(Closed._fields)
ALARM_COLUMNS = ", ".join(Alarm._fields)
LIVE = (
    *(_ENTRIES.format(where=""), *GUARDS, _SECRETS),
    *(*_ARCHIVES, *_CLOSED, *_LIVES, _ALARMS, _RECEIVERS),
)


def make_archive(db: sqlite3.Connection) -> None:
    """Fill the attached database `archive` with every entry of the live part."""
    for statement in _ARCHIVE:
        db.execute(statement)
