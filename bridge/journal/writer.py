"""The journal that a bridge writes: on disk before any outward act (design §5 rule 1)."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from . import alarms, chain, database, disk, errors, holder, lives, lock
from .batch import Batch
from .chain import Head
from .errors import JournalError, JournalLaterError, ReplacedError, failures
from .moving import move
from .open_journal import OpenJournal
from .opening import open_live
from .records import ACKNOWLEDGED, ALARM, CLOSED, LIFE, Position, dump_closed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .opening import Opened
    from .records import Alarm, Closed, Row

ROOM = 32 * 2**20  # bytes free for new sales: open ones can always be finished
ARCHIVE_AT = 250  # closed sales in the live part: moving them takes 10 to 20 ms, measured
SCRUB_AT = 64  # erased secrets whose old bytes may still be in the WAL
_T = TypeVar("_T")


class Journal(OpenJournal):
    """The one writer of the file at `path`; a second process is refused.

    Facts are appended: when `append` returns, the entry survives a power cut, and so does
    everything noted before. `at` is information only: the order is that of writing.
    """

    def __init__(
        self,
        path: Path,
        live: Opened,
        files: dict[Path, tuple[int, int] | None],
        stack: ExitStack,
    ) -> None:
        """Set up with what `open` found: `files` must stay in place, `stack` closes everything."""
        self._path = path
        self._db, self._base, found, self._lives = live
        self._head, self._known, self.doubts = found
        self._durable = self._head  # of the entries on the disk
        self._batch = Batch()
        self.noted: Sequence[Row] = self._batch.rows  # not on the disk
        self._files = files
        self._stack = stack
        self._unscrubbed = 0
        self._broken: JournalError | None = None

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open; raises JournalError: held by another process, of another version, damaged.

        JournalLaterError where another program has it locked now, or the disk is full.
        """
        with ExitStack() as stack, failures(path):
            stack.enter_context(lock.hold(path))
            live = open_live(path)
            stack.callback(live.db.close)
            live.db.execute("PRAGMA busy_timeout = 0")  # the event loop must not wait for a lock
            # Serve nothing before the journal can be written.
            database.commit(live.db, lambda _: None)
            database.truncate_wal(live.db)  # a crash may have left erased secrets in it
            files = {file: disk.identity(file) for file in _files(path)}
            return cls(path, live, files, stack.pop_all())

    # Writing.

    def append(self, at: int, sale_id: str, kind: str, body: str, secret: bytes = b"") -> int:
        """Write one entry and all noted before to disk; return its number after that."""
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
        """Note an entry; it is written with the next one that `append` writes. Return its id."""
        sealed = chain.sealed(secret) if secret else b""
        row = self._head.link(at, sale_id, kind, body, sealed=sealed)
        self._batch.rows.append(row)
        if secret:
            self._batch.secrets[row.id] = secret
        self._head = Head(row.id, row.hash)
        return row.id

    def close_sale(self, closed: Closed) -> None:
        """Add a sale to the index and erase its secrets; noted as by `note`."""
        row = self._head.link(closed.decided_at, closed.sale_id, CLOSED, dump_closed(closed))
        self._batch.close(row, closed)
        self._head = Head(row.id, row.hash)

    def begin_life(self, at: int, cause: str) -> None:
        """Begin a new life, for a cause in `lives.CAUSES`; on disk when it returns."""
        self.append(at, "", LIFE, lives.body(self.life, cause))
        with failures(self._path):
            self._lives = lives.everything(self._db)

    def raise_alarm(self, at: int, alarm: Alarm) -> bool:
        """Note an alarm as by `note`; False where its key exists, and that alarm stays as it is."""
        if self.alarm(alarm.key) is not None:
            return False
        self.note(at, alarm.sale_id, ALARM, alarms.body(alarm))
        return True

    def acknowledge(self, at: int, key: str, by: str, note: str) -> bool:
        """Note an acknowledgement; the first one stands. False where no alarm has this key."""
        known = self.alarm(key)
        if known and not known.acknowledged:
            body = alarms.body_of_acknowledgement(key, by, note)
            self.note(at, known.alarm.sale_id, ACKNOWLEDGED, body)
        return known is not None

    def holder(self) -> str:
        """Name the program that has the journal locked."""
        return holder.name(self._path)

    def flush(self) -> None:
        """Write what is noted; raises JournalLaterError, with all of it still noted."""
        batch = self._batch
        if not batch.rows:
            return
        work = partial(batch.write, known=self._known)
        erased = self._write(partial(database.commit, self._db, work))
        batch.hand_over(self._known)
        self._durable = self._head
        self._unscrubbed += erased
        if self._unscrubbed >= SCRUB_AT:
            self.scrub()

    def scrub(self) -> None:
        """Remove erased secrets from the WAL, too; later, if that is impossible now."""
        if self._unscrubbed:
            with suppress(JournalLaterError):
                self._empty_wal()

    def close(self) -> None:
        """Flush and close; a journal that cannot be written any more is closed as well.

        Raises JournalLaterError where the rest could not be written.
        """
        with self._stack, failures(self._path):
            if not self._broken:
                self.flush()
                self.scrub()

    # Archives.

    def must_archive(self) -> bool:
        """Return whether it is time; carrying many open sales over must pay."""
        carried = self._known.carried
        return self._known.closings + len(self._batch.closed) >= max(ARCHIVE_AT, carried)

    def archive(self, open_sale_ids: set[str]) -> None:
        """Move the live part to an archive and begin a new one with what these sales need."""
        self.flush()
        if self._head == self._base:
            return
        moved = self._write(partial(move, self._db, self._path, self._head, open_sale_ids))
        self._base, (self._head, self._known) = self._head, moved
        self._durable = self._head
        self._empty_wal()

    # Its position.

    @property
    def life(self) -> bytes:
        """Return the present stretch of history."""
        return self._lives[-1].life

    @property
    def position(self) -> Position:
        """Return the newest entry on the disk, without noted ones."""
        return Position(self._lives[-1].life, *self._durable)

    def check_place(self) -> None:
        """Raise ReplacedError where files of the journal were moved, replaced or removed."""
        with failures(self._path):
            gone = [file for file, was in self._files.items() if disk.identity(file) != was]
        if gone:
            raise ReplacedError(
                f"{gone[0]}: was moved, replaced or removed while the bridge ran; the bridge ends, "
                "so that its next start reads the present files: put the right ones back"
            )

    def room(self) -> bool:
        """Return whether the disk has room for new sales."""
        with failures(self._path):
            return disk.free(self._path.parent) >= ROOM

    # Helpers.

    def _empty_wal(self) -> None:
        if self._write(partial(database.truncate_wal, self._db)):
            self._unscrubbed = 0

    def _write(self, work: Callable[[], _T]) -> _T:
        """Do `work`; after a write with an unknown result allow no other."""
        if self._broken:
            raise JournalError(f"{self._path}: failed before: {self._broken}; restart the bridge")
        try:
            return work()
        except errors.FOREIGN as error:
            failure = errors.in_our_words(self._path, error)
            self._learn_of(failure, error)
            raise failure from error
        except JournalError as error:
            self._learn_of(error, error.__cause__)
            raise

    def _learn_of(self, failure: JournalError, cause: BaseException | None) -> None:
        """Allow no more writes where the disk is the cause."""
        if errors.is_of_the_disk(cause):
            self._broken = failure


def _files(path: Path) -> list[Path]:
    """Return the files that must stay in place; the WAL's index holds nothing beyond the WAL."""
    return [path, database.beside(path)[0], lock.file_of(path)]
