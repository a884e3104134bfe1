"""Another program has the journal locked: nothing is lost, nothing waits inside SQLite."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bridge.journal import Journal, JournalBusyError, database, holder
from bridge.journal.writer import SCRUB_AT
from tests.support.bridge.journals import closed, raw, verified

KEPT = "rung"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


def test_what_was_noted_stays_noted(path: Path) -> None:
    """Written in its order as soon as that can be."""
    with closing(Journal.open(path)) as journal:
        with locked(path):
            for number in range(3):
                journal.note(number, f"sale {number}", KEPT, "{}")
                with pytest.raises(JournalBusyError, match="locked by another program"):
                    journal.flush()
        journal.flush()
        assert [entry.sale_id for entry in journal.rebuild()] == ["sale 0", "sale 1", "sale 2"]
    assert verified(path).findings == []


def test_no_archive_is_made_meanwhile(path: Path) -> None:
    """And it is made afterwards, whole."""
    with closing(Journal.open(path)) as journal:
        journal.append(1, "sale", KEPT, "{}")
        journal.close_sale(closed("sale"))
        journal.flush()
        with locked(path), pytest.raises(JournalBusyError):
            journal.archive(set())
        journal.archive(set())
    assert verified(path).findings == []


def test_it_does_not_open_meanwhile(path: Path) -> None:
    Journal.open(path).close()
    with locked(path), pytest.raises(JournalBusyError):
        Journal.open(path)
    Journal.open(path).close()


def test_sqlite_never_waits(path: Path) -> None:
    """Neither at first nor after the WAL was emptied: the event loop would stand still."""
    with closing(Journal.open(path)) as journal:
        for number in range(SCRUB_AT + 1):
            assert _timeout(journal) == 0
            journal.append(number, f"sale {number}", KEPT, "{}", b"secret")
            journal.close_sale(closed(f"sale {number}"))
            journal.flush()
        journal.scrub()
        assert _timeout(journal) == 0


def _timeout(journal: Journal) -> int:
    found: int = journal._db.execute("PRAGMA busy_timeout").fetchone()[0]
    return found


def test_who_holds_it(path: Path) -> None:
    """As the kernel lists it; a reader's lock keeps none from writing."""
    with closing(Journal.open(path)):
        assert holder.process(path) == 0
        with locked(path):
            assert holder.process(path) == os.getpid()
            assert holder.name(path) == holder.UNKNOWN  # we do not name ourselves
        assert holder.process(path) == 0


def test_a_list_of_locks_as_the_kernel_writes_it(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.touch()
    found = path.stat()
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    listed = tmp_path / "locks"
    monkeypatch.setattr(holder, "_LOCKS", listed)
    whole = f"{0x4000_0000} {0x4000_01FF}"
    for line, process in (
        (f"1: POSIX  ADVISORY  WRITE 77 {device} {whole}", 77),
        (f"1: POSIX  ADVISORY  WRITE 77 {device} 0 EOF", 77),
        (f"1: POSIX  ADVISORY  READ 77 {device} {whole}", 0),
        (f"1: -> POSIX  ADVISORY  WRITE 77 {device} {whole}", 0),
        (f"1: POSIX  ADVISORY  WRITE 77 {device} 0 1", 0),
        (f"1: FLOCK  ADVISORY  WRITE 77 {device} 0 EOF", 0),
        ("", 0),
    ):
        listed.write_text(line)
        assert holder.process(path) == process, line
    listed.unlink()
    assert holder.process(path) == 0


# After the WAL was emptied the journal is as patient with others as it was before.


PATIENCE_MS = 250


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """With a secret that was erased, and may stand in the WAL."""
    with closing(Journal.open(path)) as journal:
        journal.append(1, "sale", "approval_received", "{}", b"an erased secret")
        journal.close_sale(closed("sale"))
        journal.flush()
        journal._db.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
        yield journal


def patience(journal: Journal) -> int:
    """Milliseconds that a write waits for another program's."""
    found: int = journal._db.execute("PRAGMA busy_timeout").fetchone()[0]
    return found


def test_a_scrub(path: Path, journal: Journal) -> None:
    journal.scrub()
    assert b"an erased secret" not in raw(path)
    assert patience(journal) == PATIENCE_MS


def test_a_scrub_with_a_reader_in_the_way(path: Path, journal: Journal) -> None:
    """It is done later, once nothing reads."""
    with closing(database.reader(path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entries").fetchone()
        journal.append(2, "next", "rung", "{}")
        journal.scrub()
        assert b"an erased secret" in raw(path)
        assert patience(journal) == PATIENCE_MS
    journal.scrub()
    assert b"an erased secret" not in raw(path)
    assert patience(journal) == PATIENCE_MS


def test_an_archive(path: Path, journal: Journal) -> None:
    journal.archive(set())
    assert b"an erased secret" not in raw(path)
    assert patience(journal) == PATIENCE_MS
