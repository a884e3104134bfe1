"""What an open journal says: all that is on the disk, and what is noted."""

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
    """A journal as it is read by the process that writes it; `Journal` opens and writes it."""

    _path: Path
    _db: sqlite3.Connection
    _batch: Batch  # what is noted
    _known: Tally
    _base: Head  # what the live part follows
    _head: Head  # of what is noted
    _lives: list[Life]

    # Where it stands.

    def lives(self) -> list[Life]:
        """All of them in order; the last is written now."""
        return list(self._lives)

    def hash_at(self, sequence: int) -> bytes | None:
        """The chain's hash at an entry on the disk, None where there is none yet.

        Raises ArchiveError where the archive that has it cannot be read.
        """
        with failures(self._path):
            return archive.hash_at(self._db, self._path, sequence)

    def newest_at(self) -> int:
        """When the newest entry was written, in milliseconds since 1970; 0 for none."""
        for row in reversed(self._batch.rows):
            if row.kind != CLOSED:
                return row.at
        with failures(self._path):
            return archive.newest_at(self._db, self._path)

    # Entries and sales.

    def rebuild(self) -> Iterator[Entry]:
        """The live part in order; raises JournalError where its chain breaks."""
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
        """What happened after the entry `cursor`; raises CursorError where that is archived."""
        with failures(self._path):
            archived = cursor < self._base.last and self._has_archived_news(cursor)
            if archived or cursor > self._head.last:
                raise CursorError(f"{self._path}: no news from {cursor} on is at hand")
            news = [row for row in self._live(max(cursor, self._base.last)) if row.is_news]
            return [reading.entry(row, self._secret(row)) for row in news]

    def entries_of(self, sale_id: str) -> list[Entry]:
        """All of one sale, from the archives too, each with the number it was given first."""
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
        """The closed sale or refund of this id, however long ago."""
        with failures(self._path):
            return self._batch.closed.get(sale_id) or index.find(self._db, sale_id)

    def closed_by(self, approval_id: bytes) -> Closed | None:
        """The closed sale or refund of this approval, however long ago."""
        noted = (one for one in self._batch.closed.values() if one.approval_id == approval_id)
        with failures(self._path):
            return next(noted, None) or index.find_by(self._db, approval_id)

    def closed_between(
        self, start_ms: int, end_ms: int, receiver_id: bytes | None = None
    ) -> list[Closed]:
        """Those decided from `start_ms` to before `end_ms`, in that order."""
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
        """The sum of the closed and posted refunds of a sale or transaction."""
        with failures(self._path):
            written = index.refunded(self._db, original)
        return written + index.counted(self._batch.closed.values(), original)

    def receivers(self) -> list[tuple[bytes, int]]:
        """Every receiver that a closed sale names, with the till number of then."""
        with failures(self._path):
            found = index.receivers(self._db)
        return sorted(found | {(one.receiver_id, one.till) for one in self._batch.closed.values()})

    def alarms(self, *, standing: bool = True) -> list[Standing]:
        """In the order in which they were raised; with `standing` only what still stands."""
        with failures(self._path):
            found = alarms.everything(self._db, self._batch.rows)
        return [one for one in found.values() if not (standing and one.acknowledged)]

    def alarm(self, key: str) -> Standing | None:
        """Standing or acknowledged."""
        with failures(self._path):
            return alarms.find(self._db, self._batch.rows, key)

    # Helpers.

    def _has_archived_news(self, cursor: int) -> bool:
        """Taken for granted where the archive cannot be read."""
        try:
            return archive.has_news(self._db, self._path, cursor)
        except ArchiveError:
            return True

    def _live(self, after: int | None = None) -> Iterator[Row]:
        """The rows on disk, then the noted ones."""
        start = self._base.last if after is None else after
        noted = (row for row in list(self._batch.rows) if row.id > start)
        return together(reading.rows(self._db, start), noted)

    def _secret(self, row: Row) -> bytes:
        noted = self._batch.secrets.get(row.id)
        if noted is None and row.sale_id not in self._batch.closed:
            return reading.secret(self._db, row)
        return noted or b""
