"""The journal crashes at every step that touches the disk, and goes on from what is there."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.journal import Journal
from tests.support.bridge.journals import (
    CrashError,
    Model,
    Power,
    Written,
    closed,
    next_version,
    old_journal,
    powered,
    raw,
    verified,
)

pytestmark = pytest.mark.crashes


class Writing:
    """A journal and the model of it; what is asked for stands in the model first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.model = Model()
        self.journal = Journal.open(path)

    def append(self, sale_id: str, kind: str, secret: bytes = b"") -> None:
        self.model.log.append(Written(1, sale_id, kind, "{}", secret))
        self.journal.append(1, sale_id, kind, "{}", secret)
        self.flushed()

    def note(self, sale_id: str, kind: str, secret: bytes = b"") -> None:
        self.model.log.append(Written(1, sale_id, kind, "{}", secret))
        self.journal.note(1, sale_id, kind, "{}", secret)

    def close_sale(self, sale_id: str) -> None:
        over = closed(sale_id)
        self.model.log.append(Written(over.decided_at, sale_id, "", "", b"", over))
        self.journal.close_sale(over)

    def archive(self) -> None:
        self.journal.archive(self.model.open())
        self.flushed()

    def restart(self) -> None:
        self.journal.close()
        self.flushed()
        self.journal = Journal.open(self.path)

    def flushed(self) -> None:
        self.model.durable = len(self.model.log)

    def play(self) -> None:
        """Two archives with all that can be in them, and something after."""
        self.append("open", "rung", b"of the open sale")
        for number in (1, 2):
            sale_id = f"sale {number}"
            self.note(sale_id, "rung")
            self.append(sale_id, "approval_received", b"secret %d" % number)
            self.close_sale(sale_id)
            self.archive()
        self.append("open", "offered")
        self.note("last", "rung", b"the last secret")
        self.close_sale("last")
        self.restart()
        self.append("open", "approval_received", b"another of the open sale")
        self.journal.close()


class Cut(NamedTuple):
    """What a crash left behind, and what must and may be there."""

    path: Path
    model: Model


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory in memory where there is one: no test here asks what a disk does."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


def cuts(place: Path) -> Iterator[Cut]:
    """Two for every step of the play: all that was done is on the disk, and what was brought."""
    for k in itertools.count(1):
        directory, left, lost = (place / f"{k}{more}" for more in ("", ".left", ".lost"))
        directory.mkdir()
        power = Power(directory, left)
        with powered(power):
            writing = Writing(directory / "journal.sqlite")
            power.steps, power.k = 0, k
            with suppress(CrashError):
                writing.play()
            power.k = 0
            _bury(writing.journal)
        if not left.exists():
            return
        yield Cut(left / "journal.sqlite", deepcopy(writing.model))
        yield Cut(lost / "journal.sqlite", writing.model)
        for folder in (directory, left, lost):
            shutil.rmtree(folder)


def test_a_crash_at_every_step_loses_nothing_that_was_written(place: Path) -> None:
    steps = 0
    for cut in cuts(place):
        steps += 1
        cut.model.agree(cut.path)
        with closing(Journal.open(cut.path)) as journal:
            journal.append(9, "after", "rung", "{}")
            journal.archive(cut.model.open() | {"after"})
            cut.model.log.append(Written(9, "after", "rung", "{}"))
            cut.model.compare(journal)
            cut.model.durable = len(cut.model.log)
        for secret in cut.model.erased():
            assert secret not in raw(cut.path)
        assert verified(cut.path).findings == []
    assert steps > 200  # there were as many to crash at


def test_a_crash_while_it_is_made_or_migrated(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old file is there until the new one is."""
    before = old_journal(place / "old.sqlite")
    next_version(monkeypatch)
    for k in itertools.count(1):
        directory, left, lost = (place / f"{k}{more}" for more in ("", ".left", ".lost"))
        directory.mkdir()
        shutil.copy(place / "old.sqlite", directory)
        power = Power(directory, left)
        with powered(power):
            power.k = k
            with suppress(CrashError):
                for name in ("old.sqlite", "new.sqlite"):
                    Journal.open(directory / name).close()
        if not left.exists():
            break
        for folder, name in itertools.product((left, lost), ("old.sqlite", "new.sqlite")):
            with closing(Journal.open(folder / name)) as journal:
                found = [entry.kind for entry in journal.rebuild()]
                migrated = [
                    *(line.kind for line in before),
                    "till_notified",
                ]  # as the migration adds it
                assert found == (migrated if name == "old.sqlite" else [])
    assert k > 50


def _bury(journal: Journal) -> None:
    """Let go of what a dead process would hold no more."""
    with suppress(sqlite3.Error):
        if journal._db.in_transaction:
            journal._db.execute("ROLLBACK")
    journal._stack.close()


# A power cut in the middle of a write: the end of the WAL is not what was sent to it.


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Cut:
    """The files of a journal in use, none of it checkpointed."""
    path = tmp_path_factory.mktemp("torn") / "journal.sqlite"
    writing = Writing(path)
    for number in range(40):
        sale_id = f"sale {number}"
        writing.note(sale_id, "rung")
        writing.append(sale_id, "approval_received", b"secret %d" % number)
        if number % 3 == 0:
            writing.close_sale(sale_id)
    left = path.with_name("left")
    shutil.copytree(path.parent, left, ignore=shutil.ignore_patterns("*-shm", "*.lock"))
    _bury(writing.journal)
    writing.model.durable = 0
    return Cut(left / "journal.sqlite", writing.model)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_torn_wal_loses_whole_entries_from_its_end(
    torn: Cut, place: Path, data: st.DataObject
) -> None:
    wal = torn.path.with_name("journal.sqlite-wal").read_bytes()
    end = data.draw(st.integers(0, len(wal)))
    rubbish = data.draw(st.binary(max_size=64))
    path = place / "journal.sqlite"
    for file in place.iterdir():
        file.unlink()
    shutil.copy(torn.path, path)
    path.with_name("journal.sqlite-wal").write_bytes(wal[:end] + rubbish)
    model = Model()
    model.log = list(torn.model.log)
    model.agree(path)
    with closing(Journal.open(path)) as journal:
        journal.append(1, "after", "rung", "{}")
