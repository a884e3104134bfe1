"""The database: whole transactions, on disk when they end, from any number of threads.

A caller waits for its answer; several processes answer more callers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from . import dialects, migrations

Row = tuple[Any, ...]
T = TypeVar("T")
P = ParamSpec("P")

_TRIES_MOST = 20  # each of them lost against another transaction


class AgainError(Exception):
    """Another transaction has changed what this one read: repeat all of it."""


class BusyError(Exception):
    """Too many collisions; nothing was done."""


class Store:
    """Books at a path (SQLite) or a URL (PostgreSQL), with one connection for each thread."""

    def __init__(self, place: Path | str) -> None:
        self._dialect = dialects.of(place)
        self.collisions = self._dialect.collisions
        migrations.migrate(self._dialect)
        self._mine = threading.local()
        self._guard = threading.Lock()
        self._opened: list[Any] = []

    def close(self) -> None:
        while self._opened:
            self._opened.pop().close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a transaction: all or nothing; on disk when it ends."""
        self._execute(self._dialect.begin)
        try:
            yield
            self._execute("COMMIT")
        except BaseException:
            with suppress(*dialects.DatabaseError):  # without a connection nothing was done
                self._execute("ROLLBACK")
            raise

    def one(self, sql: str, *values: Any) -> Row | None:
        """Return the first row, or None."""
        found = self.rows(sql, *values)  # fetch all: a statement ends with its last row
        return found[0] if found else None

    def rows(self, sql: str, *values: Any) -> list[Row]:
        found: list[Row] = self._execute(sql, *values).fetchall()
        return found

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row; None where there is no row."""
        row = self.one(sql, *values)
        return row[0] if row else None

    def run(self, sql: str, *values: Any) -> int:
        """Run a statement; return the number of rows changed."""
        changed: int = self._execute(sql, *values).rowcount
        return changed

    def _execute(self, sql: str, *values: Any) -> Any:
        return self._dialect.execute(self._connection(), sql, values)

    def _connection(self) -> Any:
        """Return this thread's connection; replace a broken one."""
        db = getattr(self._mine, "db", None)
        if db is None or not self._dialect.alive(db):
            db = self._mine.db = self._dialect.connect()
            with self._guard:
                self._opened = [*filter(self._dialect.alive, self._opened), db]
        return db


def atomic(work: Callable[Concatenate[Store, P], T]) -> Callable[Concatenate[Store, P], T]:
    """Make `work` one transaction, repeated where another one collided with it."""

    @wraps(work)
    def whole(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(_TRIES_MOST):
            with suppress(AgainError, *store.collisions), store.transaction():
                return work(store, *args, **kwargs)
        raise BusyError

    return whole
