"""Reading an open journal: everything on the disk, and what is noted."""

from __future__ import annotations

from itertools import chain as together
from typing import TYPE_CHECKING

from . import alarms, archive, chain, index, reading
from .errors import ArchiveError, CursorError, failures
from .records import CLOSED

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from .batch import Batch, Tally
    from .chain import Head
    from .records import Closed, Entry, Life, Row, Standing


class OpenJournal:
    """A journal, read by the process that writes it; `Journal` opens and writes it."""

    _path: Path
    _db: sqlite3.Connection
    _batch: Batch  # noted entries
    _known: Tally
    _base: Head  # the head before the live part
    _head: Head  # of the noted entries
    _lives: list[Life]

    # Its position.

    def lives(self) -> list[Life]:
        """Return all lives in order; the last is the present one."""
        return list(self._lives)

    def hash_at(self, sequence: int) -> bytes | None:
        """Return the chain's hash at an entry on the disk, None where there is none yet.

        Raises ArchiveError where the archive with it cannot be read.
        """
        with failures(self._path):
            return archive.hash_at(self._db, self._path, sequence)

    def newest_at(self) -> int:
        """Return the time of the newest entry, in milliseconds since 1970; 0 for none."""
        for row in reversed(self._batch.rows):
            if row.kind != CLOSED:
                return row.at
        with failures(self._path):
            return archive.newest_at(self._db, self._path)

    # Entries and sales.

    def rebuild(self) -> Iterator[Entry]:
        """Yield the live part in order; raises JournalError where its chain breaks."""
        rows = chain.checked(self._live(), self._base)
        while True:
            with failures(self._path):
                row = next(rows, None)
                if row is None:
                    return
                hidden = self._secret(row)
            if not row.own:
                yield reading.entry(row, hidden)

    def since(self, cursor: int) -> list[Entry]:
        """Yield the events after the entry `cursor`; raises CursorError where that is archived."""
        with failures(self._path):
            archived = cursor < self._base.last and self._has_archived_news(cursor)
            if archived or cursor > self._head.last:
                raise CursorError(f"{self._path}: no news from {cursor} on is at hand")
            news = [row for row in self._live(max(cursor, self._base.last)) if row.is_news]
            return [reading.entry(row, self._secret(row)) for row in news]

    def entries_of(self, sale_id: str) -> list[Entry]:
        """Return all entries of one sale, archived ones too, each with its first number."""
        with failures(self._path):
            span = index.span(self._db, sale_id)
            first = span[0] if span else self._known.opened.get(sale_id, self._base.last + 1)
            found = archive.gathered(self._db, self._path, sale_id, first, span and span[1])
            found += reading.rows_at(self._db, self._known.lines.get(sale_id, ()))
            found += self._batch.of_sale(sale_id)
            latest = {row.origin: row for row in found if not row.own}
            return [
                reading.entry(row, self._secret(row))._replace(id=origin)
                for origin, row in sorted(latest.items())
            ]

    def closed(self, sale_id: str) -> Closed | None:
        """Find the closed sale or refund of this id, however old."""
        with failures(self._path):
            return self._batch.closed.get(sale_id) or index.find(self._db, sale_id)

    def closed_by(self, approval_id: bytes) -> Closed | None:
        """Find the closed sale or refund of this approval, however old."""
        noted = (one for one in self._batch.closed.values() if one.approval_id == approval_id)
        with failures(self._path):
            return next(noted, None) or index.find_by(self._db, approval_id)

    def closed_between(
        self, start_ms: int, end_ms: int, receiver_id: bytes | None = None
    ) -> list[Closed]:
        """Return those decided from `start_ms` to before `end_ms`, in that order."""
        with failures(self._path):
            found = index.between(self._db, start_ms, end_ms, receiver_id)
        noted = [
            one
            for one in self._batch.closed.values()
            if start_ms <= one.decided_at < end_ms and receiver_id in (None, one.receiver_id)
        ]
        found = [one for one in found if one.sale_id not in self._batch.closed]
        return sorted(found + noted, key=lambda one: one.decided_at)

    def refunded(self, original: str) -> int:
        """Return the sum of the closed and posted refunds of a sale or transaction."""
        with failures(self._path):
            written = index.refunded(self._db, original)
        return written + index.counted(self._batch.closed.values(), original)

    def receivers(self) -> list[tuple[bytes, int]]:
        """Return every receiver of a closed sale, with the till number of that time."""
        with failures(self._path):
            found = index.receivers(self._db)
        return sorted(found | {(one.receiver_id, one.till) for one in self._batch.closed.values()})

    def alarms(self, *, standing: bool = True) -> list[Standing]:
        """Return alarms in the order raised; with `standing` only those not acknowledged."""
        with failures(self._path):
            found = alarms.everything(self._db, self._batch.rows)
        return [one for one in found.values() if not (standing and one.acknowledged)]

    def alarm(self, key: str) -> Standing | None:
        """Find an alarm, acknowledged or not."""
        with failures(self._path):
            return alarms.find(self._db, self._batch.rows, key)

    # Helpers.

    def _has_archived_news(self, cursor: int) -> bool:
        """Return whether archived events follow; assume so where the archive cannot be read."""
        try:
            return archive.has_news(self._db, self._path, cursor)
        except ArchiveError:
            return True

    def _live(self, after: int | None = None) -> Iterator[Row]:
        """Yield the rows on disk, then the noted ones."""
        start = self._base.last if after is None else after
        noted = (row for row in list(self._batch.rows) if row.id > start)
        return together(reading.rows(self._db, start), noted)

    def _secret(self, row: Row) -> bytes:
        noted = self._batch.secrets.get(row.id)
        if noted is None and row.sale_id not in self._batch.closed:
            return reading.secret(self._db, row)
        return noted or b""
