"""What tests of the journal share: samples, a model to compare with, and a way to crash it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bridge.journal import Closed, Entry, Journal
from bridge.journal.reader import Reader
from bridge.journal.records import CLOSED, load_closed
from bridge.journal.verify import Report, verify
from tests.durable import Durable

GUARDED = ("entries", "archives", "lives")  # tables that only grow
EVER = 2**62  # milliseconds: after all that tests write


def closed(
    sale_id: str,
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


_VERSION_3 = """
CREATE TABLE entries (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, sale_id TEXT NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL, prev BLOB NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE TRIGGER entries_stay BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'no'); END;
CREATE TRIGGER entries_remain BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'no'); END;
PRAGMA user_version = 3;
"""
_TERMS = (
    '{"amount":24900,"currency":752,"note":"å","patience_s":25,"receiver_id":"3434343434343434",'
    '"reference":"1212121212121212","sale_id":"%s","till":3}'
)
# A sale that was approved and one that waits, with the hashes that version's own code made.
_OLD = (
    (
        ("sale 1", "rung", _TERMS % "sale 1"),
        "9508f21bc8a39840632ce6440dbf5fc4e1ba121d2afc632ec76642b93e5fff1b",
    ),
    (
        ("sale 1", "handed", '{"approval":"00ff"}'),
        "2b5c20d6ec9358196dc6b33320e2bc4f26a7a759dec3626dc642939628e40719",
    ),
    (
        ("sale 1", "asked", '{"approval_id":"' + "56" * 16 + '","record":"00"}'),
        "6750eec81bb0c938437f1f41d0cf555be2197c5f715c1b2f4047ab9b9e7c2b1a",
    ),
    (
        ("sale 1", "granted", '{"receipt":"01","transaction_id":"02"}'),
        "0e8a146dce2b8d0ac145bae48af72a76688541b76a5bd26ecc1d2c201bed23b4",
    ),
    (
        ("sale 2", "rung", _TERMS % "sale 2"),
        "75df73a838402ebea7b4fa3f7eccfae6c70c1d9388a1e595ca57cd0bb42773af",
    ),
    (
        ("sale 1", "verified", "{}"),
        "6bcff72a7aa6d35d8867a2d80fc7a7584741797e579d16c4c0da6764c68f4ccb",
    ),
)
OLD_HASHES = tuple(made for _, made in _OLD)


def old_journal(path: Path) -> list[Entry]:
    """A file as version 3 wrote it, and what is in it."""
    entries = [Entry(n, n * 7, *columns) for n, (columns, _) in enumerate(_OLD, 1)]
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(_VERSION_3)
        for entry, before, after in zip(
            entries, ("00" * 32, *OLD_HASHES), OLD_HASHES, strict=False
        ):
            hashes = (bytes.fromhex(before), bytes.fromhex(after))
            db.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", (*entry[:5], *hashes))
        db.commit()
    return entries


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
