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

import msgspec

from bridge import contracts

from . import dialects, migrations
from .dialects import BooksConnection, Cursor, Row, Value

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
        self._opened: list[BooksConnection] = []

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

    def find(self, type_: type[T], sql: str, *values: Value) -> T | None:
        """Return the first row as a value of this type (see `every`), or None."""
        return next(iter(self.every(type_, sql, *values)), None)

    def every(self, type_: type[T], sql: str, *values: Value) -> list[T]:
        """Return the rows as values of this type, whose members stand in the columns' order.

        A row with one column is that column; the books store a flag as a number.
        """
        rows = self.rows(sql, *values)
        listed = [row[0] if len(row) == 1 else _shaped(row, type_) for row in rows]
        return msgspec.convert(listed, list[type_], strict=False, dec_hook=contracts.read)  # type: ignore[valid-type]

    def number(self, sql: str, *values: Value) -> int:
        """Return the number that a statement always returns."""
        return int(self.value(sql, *values))

    def exists(self, sql: str, *values: Value) -> bool:
        """Return whether a statement finds any row."""
        return bool(self.rows(sql, *values))

    def one(self, sql: str, *values: Value) -> Row | None:
        """Return the first row, or None."""
        return next(iter(self.rows(sql, *values)), None)

    def rows(self, sql: str, *values: Value) -> list[Row]:
        return self._execute(sql, *values).fetchall()  # all: a statement ends with its last row

    def value(self, sql: str, *values: Value) -> Any:
        """Return the first column of the first row; None where there is no row."""
        row = self.one(sql, *values)
        return row[0] if row else None

    def run(self, sql: str, *values: Value) -> int:
        """Run a statement; return the number of rows changed."""
        return self._execute(sql, *values).rowcount

    def _execute(self, sql: str, *values: Value) -> Cursor:
        return self._connection().execute(sql, values)

    def _connection(self) -> BooksConnection:
        """Return this thread's connection; replace a broken one."""
        db: BooksConnection | None = getattr(self._mine, "db", None)
        if db is None or db.closed:
            db = self._mine.db = self._dialect.connect()
            with self._guard:
                self._opened = [db, *(one for one in self._opened if not one.closed)]
        return db


def _shaped(row: Row, type_: type[object]) -> Row | dict[str, Value]:
    """Name the columns for a struct; a named tuple takes them as they are."""
    names: tuple[str, ...] | None = getattr(type_, "__struct_fields__", None)
    return row if names is None else dict(zip(names, row, strict=True))


def atomic(work: Callable[Concatenate[Store, P], T]) -> Callable[Concatenate[Store, P], T]:
    """Make `work` one transaction, repeated where another one collided with it."""

    @wraps(work)
    def whole(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(_TRIES_MOST):
            with suppress(AgainError, *store.collisions), store.transaction():
                return work(store, *args, **kwargs)
        raise BusyError

    return whole
