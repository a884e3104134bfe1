"""Migrate the books from any earlier version, in one transaction.

The table `migrations` lists the versions of the books with their times.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import closing

from .dialects import Cursor, Dialect, Value
from .schema import SCHEMA, VERSION

Execute = Callable[..., Cursor]  # a statement and its values
Migration = Callable[[Execute, Dialect], None]

# The statements that bring books of a version to the next one.
MIGRATIONS: dict[int, Migration] = {}

_COMMENT = re.compile(r"^ *--.*$", re.MULTILINE)
_EMPTY = 0


class VersionError(Exception):
    """Books of a newer release; nothing in them was changed."""


def migrate(dialect: Dialect) -> None:
    """Bring the books to this release's version, all or nothing. Raises VersionError."""
    with closing(dialect.connect_to_migrate()) as db:

        def execute(sql: str, *values: Value) -> Cursor:
            return db.execute(sql, values)

        before = _version(execute)
        if before > VERSION:
            raise VersionError(f"books of version {before}; this release knows {VERSION}")
        if before == VERSION:
            return
        if before == _EMPTY:
            _create(execute, dialect)
            _mark(execute, VERSION)
        else:
            for version in range(before, VERSION):
                MIGRATIONS[version](execute, dialect)
                _mark(execute, version + 1)
        execute("COMMIT")


def _version(execute: Execute) -> int:
    execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, time BIGINT)")
    [(newest,)] = execute("SELECT coalesce(max(version), 0) FROM migrations").fetchall()
    return int(newest)


def _mark(execute: Execute, version: int) -> None:
    execute("INSERT INTO migrations VALUES (?, ?)", version, int(time.time()))


def _create(execute: Execute, dialect: Dialect) -> None:
    text = _COMMENT.sub("", SCHEMA).format_map(dialect.words)
    for statement in text.split(";"):
        execute(statement)
