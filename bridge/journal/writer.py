"""The journal that a bridge writes: on disk before any outward act (design §5 rule 1)."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from itertools import chain as together
from typing import TYPE_CHECKING

from . import archive, chain, database, disk, holder, index, lock, reading
from .batch import Batch
from .errors import CursorError, JournalError, JournalLaterError, failures, is_of_the_disk
from .moving import move
from .opening import open_live
from .records import CLOSED, Entry, Row, dump_closed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .records import Closed

ROOM = 32 * 2**20  # bytes free for new sales: what is open can always be brought to its end
ARCHIVE_AT = 250  # closed sales in the live part: moving them takes 10 to 20 ms, measured
SCRUB_AT = 64  # erased secrets whose old bytes may still stand in the WAL


class Journal:
    """The one writer of the file at `path`; a second process is refused.

    What happens is appended: when `append` returns, the entry survives a power cut, and with it
    all that was noted before. `at` informs and nothing else: order is the order of writing.
    """

    def __init__(self, path: Path) -> None:
        """Raises JournalError: held by another process, of another version, damaged.

        JournalLaterError where another program has it locked just now, or the disk is full.
        """
        self._path = path
        self._batch = Batch()
        self._unscrubbed = 0
        self._broken: BaseException | None = None
        with ExitStack() as stack, failures(path):
            stack.enter_context(lock.hold(path))
            self._db, self._head, self._known = open_live(path)
            stack.callback(self._db.close)
            self._db.execute("PRAGMA busy_timeout = 0")  # the event loop waits in no lock
            with database.transaction(self._db):
                pass  # serve nothing before the journal can be written
            self._base = reading.base(self._db)
            database.truncate_wal(self._db)  # a crash may have left erased secrets in it
            self._stack = stack.pop_all()

    # Writing.

    def append(self, at: int, sale_id: str, kind: str, body: str, secret: bytes = b"") -> int:
        """Write one entry and all noted before to disk; its number, when it is there."""
        before = self._head
        number = self.note(at, sale_id, kind, body, secret)
        try:
            self.flush()
        except BaseException:
            if self._batch.rows and self._batch.rows[-1].id == number:
                self._batch.take_back()
                self._head = before
            raise
        return number

    def note(self, at: int, sale_id: str, kind: str, body: str, secret: bytes = b"") -> int:
        """As `append`, but on disk only with what is appended next; its number."""
        row = self._head.link(at, sale_id, kind, body, sealed=chain.sealed(secret))
        self._batch.put(row, secret)
        self._head = chain.head(row)
        return row.id

    def close_sale(self, closed: Closed) -> None:
        """Into the index, and its secrets erased; noted as by `note`."""
        row = self._head.link(closed.decided_at, closed.sale_id, CLOSED, dump_closed(closed))
        self._batch.close(row, closed)
        self._head = chain.head(row)

    def holder(self) -> str:
        """Which program has the journal locked, in words."""
        return holder.name(self._path)

    def flush(self) -> None:
        """Bring what is noted to the disk; raises JournalLaterError, with all of it still noted."""
        batch = self._batch
        if not batch.rows:
            return
        with self._writing(), database.transaction(self._db):
            erased = batch.write(self._db, self._known)
        batch.tell(self._known)
        self._batch = Batch()
        self._unscrubbed += erased
        if self._unscrubbed >= SCRUB_AT:
            self.scrub()

    def scrub(self) -> None:
        """Take the bytes of erased secrets out of the WAL too; later, where that cannot be now."""
        with suppress(JournalLaterError), self._writing():
            if self._unscrubbed and database.truncate_wal(self._db):
                self._unscrubbed = 0

    def close(self) -> None:
        """Flush and let go; a journal that can no longer be written is let go all the same.

        Raises JournalLaterError where the rest could not be written.
        """
        with self._stack, failures(self._path):
            if not self._broken:
                self.flush()
                self.scrub()

    # Archives.

    def must_archive(self) -> bool:
        """Whether it is time; carrying many open sales over is not done more often than it pays."""
        carried = self._known.carried
        return self._known.closings + len(self._batch.closed) >= max(ARCHIVE_AT, carried)

    def archive(self, open_sale_ids: set[str]) -> None:
        """Move the live part to an archive and begin a new one with what these sales need."""
        self.flush()
        if self._head == self._base:
            return
        with self._writing():
            self._base, (self._head, self._known) = (
                self._head,
                move(self._db, self._path, self._head, open_sale_ids),
            )
            if database.truncate_wal(self._db):
                self._unscrubbed = 0

    # Reading.

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
            archived = cursor < self._base.last and archive.has_news(self._db, self._path, cursor)
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

    def room(self) -> bool:
        """Whether the disk has room for new sales."""
        with failures(self._path):
            return disk.free(self._path.parent) >= ROOM

    # Helpers.

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

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Once nobody can say what a write left on the disk, no other follows."""
        if self._broken:
            raise JournalError(
                f"{self._path}: failed before: {self._broken}; start the bridge anew"
            )
        try:
            with failures(self._path):
                yield
        except JournalError as error:
            if is_of_the_disk(error.__cause__):
                self._broken = error
            raise
