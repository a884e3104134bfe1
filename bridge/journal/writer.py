"""The journal that a bridge writes: on disk before any outward act (design §5 rule 1)."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from . import alarms, chain, database, disk, holder, lives, lock, reading
from .batch import Batch
from .errors import JournalError, JournalLaterError, ReplacedError, failures, is_of_the_disk
from .moving import move
from .open_journal import OpenJournal
from .opening import open_live
from .records import ACKNOWLEDGED, ALARM, CLOSED, LIFE, dump_closed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .records import Alarm, Closed

ROOM = 32 * 2**20  # bytes free for new sales: what is open can always be brought to its end
ARCHIVE_AT = 250  # closed sales in the live part: moving them takes 10 to 20 ms, measured
SCRUB_AT = 64  # erased secrets whose old bytes may still stand in the WAL


class Journal(OpenJournal):
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
            self._db, found, self._lives = open_live(path)
            stack.callback(self._db.close)
            self._head, self._known, self.doubts = found
            self._durable = self._head
            self._db.execute("PRAGMA busy_timeout = 0")  # the event loop waits in no lock
            with database.transaction(self._db):
                pass  # serve nothing before the journal can be written
            self._base = reading.base(self._db)
            database.truncate_wal(self._db)  # a crash may have left erased secrets in it
            self._files = {file: disk.identity(file) for file in self._mine()}
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

    def begin_life(self, at: int, cause: str) -> None:
        """Part with the history so far, for a cause in `lives.CAUSES`; on disk when it returns."""
        self.append(at, "", LIFE, lives.body(self.life, cause))
        with failures(self._path):
            self._lives = lives.everything(self._db)

    def raise_alarm(self, at: int, alarm: Alarm) -> bool:
        """Noted as by `note`; False where there is one of this key, which stays as it is."""
        if self.alarm(alarm.key) is not None:
            return False
        self.note(at, alarm.sale_id, ALARM, alarms.body(alarm))
        return True

    def acknowledge(self, at: int, key: str, by: str, note: str) -> bool:
        """Noted as by `note`; the first word stands. False where there is no alarm of this key."""
        known = self.alarm(key)
        if known and not known.acknowledged:
            body = alarms.body_of_acknowledgement(key, by, note)
            self.note(at, known.alarm.sale_id, ACKNOWLEDGED, body)
        return known is not None

    @property
    def has_noted(self) -> bool:
        """Whether something is noted that is not on the disk."""
        return bool(self._batch.rows)

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
        self._durable = self._head
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
            self._durable = self._head
            if database.truncate_wal(self._db):
                self._unscrubbed = 0

    # Where it stands.

    def check_place(self) -> None:
        """Raises ReplacedError where files of the journal were moved, replaced or removed."""
        with failures(self._path):
            gone = [file for file, was in self._files.items() if disk.identity(file) != was]
        if gone:
            raise ReplacedError(
                f"{gone[0]}: was moved, replaced or removed while the bridge ran; the bridge ends, "
                "so that its next start reads what is there: put back the files that belong there"
            )

    def room(self) -> bool:
        """Whether the disk has room for new sales."""
        with failures(self._path):
            return disk.free(self._path.parent) >= ROOM

    # Helpers.

    def _mine(self) -> list[Path]:
        """What must stay where it is; the WAL's index holds nothing that is not in the WAL."""
        return [self._path, database.beside(self._path)[0], lock.file_of(self._path)]

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
