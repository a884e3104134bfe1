"""Read a journal, beside a running bridge or without one, without changes."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from . import alarms, archive, chain, database, index, lives, reading, schema
from .errors import JournalError, failures
from .opening import version
from .records import Position

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .records import Closed, Entry, Life, Row, Standing

_FOREVER = 2**63 - 1  # the largest integer of SQLite


class Reader:
    """One moment of the journal at `path`; a context manager. Its methods raise JournalError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if not self.path.exists():
            raise JournalError(f"{self.path}: does not exist; name the bridge's journal")
        with failures(self.path), ExitStack() as stack:
            self.db = database.reader(self.path)
            stack.callback(self.db.close)
            if version(self.path, self.db) != schema.VERSION:
                raise JournalError(f"{self.path}: is an older one; start the bridge to migrate it")
            self.db.execute("BEGIN")  # one moment: a running bridge continues to write
            self.base = reading.base(self.db)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def rows(self) -> Iterator[Row]:
        """Yield everything ever written, in order: the archives, then the live part."""
        for number, _ in archive.known(self.db):
            file = archive.file(self.path, number)
            with failures(file):
                yield from archive.rows(file)
        with failures(self.path):
            yield from reading.rows(self.db)

    def live(self) -> list[Entry]:
        """Yield the live part, without secrets, its chain checked."""
        with failures(self.path):
            rows = chain.checked(reading.rows(self.db, self.base.last), self.base)
            return [reading.entry(row) for row in rows if not row.own]

    def newest_at(self) -> int:
        """Return the same as `Journal.newest_at`."""
        with failures(self.path):
            return archive.newest_at(self.db, self.path)

    def rows_of(self, sale_id: str) -> list[Row]:
        """Return all of one sale, each line once, also without the index."""
        with failures(self.path):
            first, last = index.span(self.db, sale_id) or (1, None)
            if last is not None:
                last = max(last, alarms.last_entry(self.db, sale_id))
            found = archive.gathered(self.db, self.path, sale_id, first, last)
            found += reading.rows_of(self.db, sale_id)
        return [row for row in found if not row.carried]

    @property
    def position(self) -> Position:
        """Return its newest entry."""
        with failures(self.path):
            found = self.db.execute("SELECT id, hash FROM entries ORDER BY id DESC LIMIT 1")
            head = found.fetchone() or self.base
            return Position(self.lives()[-1].life, *head)

    def hash_at(self, sequence: int) -> bytes | None:
        """Return the chain's hash at an entry; None where there is no such entry."""
        with failures(self.path):
            return archive.hash_at(self.db, self.path, sequence)

    def lives(self) -> list[Life]:
        with failures(self.path):
            return lives.everything(self.db)

    def alarms(self) -> list[Standing]:
        """Return all alarms, in the order raised."""
        with failures(self.path):
            return list(alarms.everything(self.db).values())

    def closed(self, sale_id: str) -> Closed | None:
        with failures(self.path):
            return index.find(self.db, sale_id)

    def all_closed(self, start_ms: int = 0, end_ms: int = _FOREVER) -> list[Closed]:
        """Return those decided from `start_ms` to before `end_ms`, in that order."""
        with failures(self.path):
            return index.between(self.db, start_ms, end_ms, None)
