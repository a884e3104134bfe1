"""Verify the journal: each file, the chain through all of them, and the index."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from . import alarms, archive, chain, database, index, lives, reading
from .batch import Tally
from .errors import JournalError, failures
from .reader import Reader
from .records import CLOSED, LIFE, dump_closed, load_closed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .chain import Head
    from .records import Closed, Position, Row, Standing


class Report(NamedTuple):
    """How much was read, how far it goes (`newest_at` in ms since 1970), and the findings.

    Each finding is a sentence with the file's name.
    """

    entries: int
    archives: int
    closed: int
    sequence: int
    newest_at: int
    findings: list[str]


def verify(
    journal: Reader, progress: Callable[[int, int], None], reached: Position | None = None
) -> Report:
    """Read all of it; `progress` gets the number of files done and their total.

    `reached` is the bridge's position when `journal` was opened, if known.
    """
    return _Inspection(journal, reached).run(progress)


class _Inspection:
    def __init__(self, journal: Reader, reached: Position | None) -> None:
        self._journal = journal
        self._reached = reached
        self._findings: list[str] = []
        self._entries = 0
        self._expected: dict[str, tuple[int, bytes]] = {}  # where a sale begins, its row's digest
        self._alarms: dict[str, Standing] = {}
        self._lives: list[Row] = []
        self._receivers: set[tuple[bytes, int]] = set()
        self._newest_at = 0
        self._sequence = 0

    def run(self, progress: Callable[[int, int], None]) -> Report:
        journal, before = self._journal, chain.GENESIS
        archives = archive.known(journal.db)
        for done, (number, head) in enumerate(archives):
            progress(done, len(archives) + 1)
            self._try(partial(self._archive, number, before, head))
            before = head
        progress(len(archives), len(archives) + 1)
        self._try(self._live)
        self._try(self._left_over)
        if not self._findings:
            self._try(self._index)
            self._try(self._tables)
            self._try(self._behind)
        progress(len(archives) + 1, len(archives) + 1)
        counts = (self._entries, len(archives), len(self._expected))
        return Report(*counts, self._sequence, self._newest_at, self._findings)

    def _try(self, part: Callable[[], None]) -> None:
        """Check a part; an error in one file does not stop the others."""
        try:
            part()
        except JournalError as error:
            self._findings.append(str(error))

    def _archive(self, number: int, before: Head, recorded: Head) -> None:
        path = archive.file(self._journal.path, number)
        with failures(path):
            archive.check(path)
            found = self._follow(archive.rows(path), before)
        if found != recorded:
            self._findings.append(f"{path}: does not end with the entry recorded in the journal")

    def _live(self) -> None:
        journal = self._journal
        with failures(journal.path):
            database.sound(journal.path, journal.db)
            self._follow(reading.rows(journal.db), journal.base)
            for entry, secret, sealed in journal.db.execute(_SECRETS):
                if any(secret) and chain.sealed(secret) != sealed:
                    self._findings.append(f"{journal.path}: the secret of entry {entry} is wrong")

    def _left_over(self) -> None:
        """Check an archive unknown to the journal: a crash may leave one with nothing new."""
        path = self._journal.path
        numbers = archive.numbers(path)
        with Reader(path) as now, failures(path):  # a running bridge may have archived since
            for number in numbers[len(archive.known(now.db)) :]:
                if not archive.is_left_over(now.db, path, number):
                    file = archive.file(path, number)
                    self._findings.append(f"{file}: does not belong to this journal")

    def _follow(self, rows: Iterable[Row], before: Head) -> Head:
        """Check one file's chain, and collect the expected index; return the chain's end."""
        known = Tally()
        for row in chain.checked(rows, before):
            before = chain.head(row)
            self._entries += 1
            self._note(row)
            if row.kind == CLOSED:
                closed = load_closed(row.sale_id, row.body)
                self._receivers.add((closed.receiver_id, closed.till))
                opened = known.opened.get(row.sale_id, row.id)
                opened = self._expected.get(row.sale_id, (opened, b""))[0]
                self._expected[row.sale_id] = opened, _digest(closed, opened, row.id)
            known.take(row, hides=False)
        return before

    def _note(self, row: Row) -> None:
        """Collect the expected rows of the other tables, and the newest time."""
        alarms.take(self._alarms, row)
        if row.kind == LIFE:
            self._lives.append(row)
        elif row.kind != CLOSED and not row.carried:
            self._newest_at = row.at
        self._sequence = row.id

    def _tables(self) -> None:
        path, db = self._journal.path, self._journal.db
        with failures(path):
            if not lives.follow_from(lives.everything(db), self._lives):
                self._findings.append(f"{path}: the lives do not match the entries")
            if alarms.everything(db) != self._alarms:
                self._findings.append(f"{path}: the alarms do not match the entries")
            if index.receivers(db) != self._receivers:
                self._findings.append(f"{path}: the receivers do not match the closed sales")

    def _behind(self) -> None:
        """Compare with the position file: an older copy is valid in itself."""
        if self._reached is None:
            return
        path, (_, sequence, expected) = self._journal.path, self._reached
        found = self._journal.hash_at(sequence)
        if found is None:
            self._findings.append(
                f"{path}: older than what the bridge had written: it ends at entry "
                f"{self._sequence}, the bridge had come to {sequence}"
            )
        elif found != expected:
            self._findings.append(
                f"{path}: another history than the bridge had written: entry {sequence} differs"
            )

    def _index(self) -> None:
        path, missing = self._journal.path, dict(self._expected)
        with failures(path):
            for closed, opened, entry in index.everything(self._journal.db):
                _, digest = missing.pop(closed.sale_id, (0, b""))
                if digest != _digest(closed, opened, entry):
                    self._findings.append(
                        f"{path}: the index of sale {closed.sale_id} does not match its entries"
                    )
        self._findings += [f"{path}: sale {name} is missing in the index" for name in missing]


_SECRETS = "SELECT entry, secret, sealed FROM secrets LEFT JOIN entries ON entry = id"


def _digest(closed: Closed, opened: int, entry: int) -> bytes:
    return sha256(f"{opened} {entry} {dump_closed(closed)}".encode()).digest()
