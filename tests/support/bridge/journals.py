"""What tests of the journal share: samples, a model to compare with, and a way to crash it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bridge.journal import Closed, Entry, Journal, chain, reading, schema
from bridge.journal.batch import INSERT
from bridge.journal.migrations import MIGRATIONS
from bridge.journal.reader import Reader
from bridge.journal.records import CLOSED, load_closed
from bridge.journal.verify import Report, verify

GUARDED = ("entries", "archives", "lives")  # tables that only grow
EVER = 2**62  # milliseconds: after all that tests write


def closed(
    sale_id: str,
    *,
    kind: str = "sale",
    receiver_id: bytes = b"receiver",
    state: str = "posted",
    amount: int = 100,
    at: int = 5,
    original: str = "",
) -> Closed:
    """A sale that is over."""
    ids = (b"t" * 16, b"a" * 16)
    return Closed(
        sale_id, kind, receiver_id, 7, state, 0, amount, 752, at, *ids, '{"å":1}', original
    )


def tamper(path: Path, *statements: str) -> None:
    """As somebody with the file in hand would."""
    mode = path.stat().st_mode
    path.chmod(0o600)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for trigger in (f"{table}_{way}" for table in GUARDED for way in ("stay", "remain")):
            with suppress(sqlite3.OperationalError):
                db.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            db.execute(statement)
    path.chmod(mode)


def raw(path: Path) -> bytes:
    """Every byte in the journal's files, archives too."""
    beside = (path, path.with_name(path.name + "-wal"), *path.with_suffix(".archive").glob("*"))
    return b"".join(file.read_bytes() for file in beside if file.exists())


def verified(path: Path) -> Report:
    with Reader(path) as reader:
        return verify(reader, lambda done, files: None)


class Written(NamedTuple):
    """What a journal was asked to write; `closed` stands where it closed a sale."""

    at: int
    sale_id: str
    kind: str
    body: str
    secret: bytes = b""
    closed: Closed | None = None


class Model:
    """A journal as a plain list, of which the first `durable` must outlive a crash."""

    def __init__(self) -> None:
        self.log: list[Written] = []
        self.durable = 0

    def open(self) -> set[str]:
        sales = {line.sale_id for line in self.log}
        return sales - {line.sale_id for line in self.log if line.closed}

    def agree(self, path: Path) -> None:
        """The journal has what must be there, in order, and nothing else; the rest is lost."""
        with closing(Journal.open(path)) as journal, Reader(path) as reader:
            rows = [row for row in reader.rows() if not row.carried]
            assert self.durable <= len(rows) <= len(self.log)
            del self.log[len(rows) :]
            self.durable = len(rows)
            for row, line in zip(rows, self.log, strict=True):
                assert (row.at, row.sale_id) == (line.at, line.sale_id)
                if line.closed:
                    assert row.kind == CLOSED
                    assert load_closed(row.sale_id, row.body) == line.closed
                else:
                    assert (row.kind, row.body) == (line.kind, line.body)
            self.compare(journal)
        assert verified(path).findings == []

    def compare(self, journal: Journal) -> None:
        """What the journal answers follows from the list."""
        told = self._by_sale()
        live = _grouped(journal.rebuild())
        over = {line.sale_id: line.closed for line in self.log if line.closed}
        for sale_id in self.open():
            assert live[sale_id] == told[sale_id]
        for sale_id, lines in told.items():
            assert _grouped(journal.entries_of(sale_id))[sale_id] == lines
            assert journal.closed(sale_id) == over.get(sale_id)
        expected = sorted(over.values())
        assert sorted(journal.closed_between(-EVER, EVER)) == expected
        for sale_id in told:
            refunds = [one.amount for one in expected if one.original == sale_id]
            assert journal.refunded(sale_id) == sum(refunds)

    def erased(self) -> list[bytes]:
        """The secrets of which nothing may be left once the WAL is emptied."""
        hidden = [line for line in self.log if line.secret]
        return [line.secret for line in hidden if line.sale_id not in self.open()]

    def _by_sale(self) -> dict[str, list[tuple[Any, ...]]]:
        found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        still = self.open()
        for line in self.log:
            if not line.closed:
                secret = line.secret if line.sale_id in still else b""
                found[line.sale_id].append((line.at, line.kind, line.body, secret))
        return found


def _grouped(entries: Iterator[Entry] | list[Entry]) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for entry in entries:
        found[entry.sale_id].append((entry.at, entry.kind, entry.body, entry.secret))
    return found


_EXTRA = "CREATE TABLE extra (value INTEGER) STRICT"


def old_journal(path: Path) -> list[Entry]:
    """A file of today's version, which is older than `next_version`, and what is in it."""
    with closing(Journal.open(path)) as journal:
        for number, kind in enumerate(("rung", "approval_received", "authorisation_sent")):
            for sale_id in ("sale 1", "sale 2"):
                journal.append(number * 7, sale_id, kind, '{"å":1}', b"the code proof")
        journal.close_sale(closed("sale 2"))
        journal.flush()
        return list(journal.rebuild())


def next_version(patch: pytest.MonkeyPatch) -> None:
    """From here on the schema is one version on: a table more, and an entry of a sale."""
    patch.setitem(MIGRATIONS, schema.VERSION, _to_next_version)
    patch.setattr(schema, "LIVE", (*schema.LIVE, _EXTRA))
    patch.setattr(schema, "VERSION", schema.VERSION + 1)


def is_next_version(db: sqlite3.Connection) -> bool:
    """Whether a journal has become one of it."""
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}
    version = reading.version(db)
    assert ("extra" in tables) == (version == schema.VERSION)
    return version == schema.VERSION


def _to_next_version(db: sqlite3.Connection) -> None:
    """Damage does not stop it: the chain is checked after it."""
    db.execute(_EXTRA)
    *_, last = reading.rows(db)
    row = chain.head(last).link(42, "sale 1", "till_notified", "{}")
    db.execute(INSERT, row)


class CrashError(BaseException):
    """The process is gone."""


class Power:
    """Cuts the process off before the `k`-th step, with all before it done.

    `left` is what the disk holds then if all of it has arrived there, `lost` if only that has which
    was brought there: a disk may do either.
    """

    def __init__(self, directory: Path, left: Path) -> None:
        self.steps = 0
        self.k = 0  # never
        self.durable = Durable(directory)
        self._directory = directory
        self._left = left
        self._lost = left.with_suffix(".lost")

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.k:
            shutil.copytree(
                self._directory, self._left, ignore=shutil.ignore_patterns("*-shm", "*.lock")
            )
            self.durable.leave(self._lost)
            raise CrashError

    def around(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **named: Any) -> Any:
            self.step()
            return act(*arguments, **named)

        return stepped


@contextmanager
def powered(power: Power) -> Iterator[None]:
    """Every statement of SQLite and every operation on files is a step."""

    class Connection(sqlite3.Connection):
        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            found: sqlite3.Cursor = power.around(super().execute)(*arguments)
            return found

        def executemany(self, *arguments: Any) -> sqlite3.Cursor:
            found: sqlite3.Cursor = power.around(super().executemany)(*arguments)
            return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Connection))
        patch.setattr(os, "fsync", power.around(power.durable.sync))
        for name in ("rename", "unlink", "chmod", "mkdir"):
            act = getattr(Path, name)
            patch.setattr(Path, name, lambda *a, act=act, **n: power.around(act)(*a, **n))
        with closing(power.durable):
            yield


# What a power cut leaves of a journal's folder: names last once their folder was synced.


_BESIDE = ("-wal", "-shm", ".lock")  # go with their database, or are made anew


class Durable:
    """The folder `root` and the folders in it; what is there at first is on the disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sync = os.fsync
        self._held: dict[int, int] = {}  # inode: descriptor, so that no inode is used again
        self._contents: dict[int, bytes] = {}  # of archives, as they were synced
        self._names: dict[Path, dict[str, int]] = {}
        self._look(root)

    def sync(self, descriptor: int) -> None:
        """In the place of `os.fsync`."""
        self._sync(descriptor)
        found = os.fstat(descriptor)
        if not stat.S_ISDIR(found.st_mode):
            self._contents[found.st_ino] = os.pread(descriptor, found.st_size, 0)
            return
        for folder in (self._root, *self._folders()):
            if folder.stat().st_ino == found.st_ino:
                self._look(folder)

    def leave(self, to: Path) -> None:
        """Make the folder `to` as a power cut would leave this one now."""
        to.mkdir()
        for name, inode in self._names[self._root].items():
            folder = self._root / name
            if folder in self._names:
                self._leave_archives(folder, to / name)
            elif not name.endswith(_BESIDE):
                (to / name).write_bytes(self._read(inode))
                wal = folder.with_name(name + "-wal")
                if wal.exists():
                    (to / wal.name).write_bytes(wal.read_bytes())

    def close(self) -> None:
        """Let go of the files."""
        while self._held:
            os.close(self._held.popitem()[1])

    def _leave_archives(self, folder: Path, to: Path) -> None:
        to.mkdir()
        for name, inode in self._names[folder].items():
            (to / name).write_bytes(self._contents.get(inode, b""))

    def _folders(self) -> list[Path]:
        return [path for path in self._root.iterdir() if path.is_dir()]

    def _look(self, folder: Path) -> None:
        """These names last."""
        self._names[folder] = {}
        for path in folder.iterdir():
            inode = path.stat().st_ino
            self._names[folder][path.name] = inode
            if path.is_dir():
                self._names.setdefault(path, {})
            elif inode not in self._held:
                self._held[inode] = os.open(path, os.O_RDONLY)

    def _read(self, inode: int) -> bytes:
        descriptor = self._held[inode]
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
