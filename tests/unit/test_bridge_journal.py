"""The journal: append-only, chained, one writer, and the same after it is opened again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bridge.journal import Entry, Journal, JournalError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with three entries, closed."""
    path = tmp_path / "journal.sqlite"
    journal = Journal(path)
    for number in range(3):
        journal.append(number, f"sale {number}", "rung", '{"å":1}')
    journal.close()
    return path


def tamper(path: Path, *statements: str) -> None:
    """As somebody with the file in hand would."""
    db = sqlite3.connect(path)
    db.executescript("DROP TRIGGER entries_stay; DROP TRIGGER entries_remain;")
    for statement in statements:
        db.execute(statement)
    db.commit()
    db.close()


def test_what_was_written_is_read_again(path: Path) -> None:
    journal = Journal(path)
    journal.append(3, "sale 3", "ended", "{}")
    entries = list(journal.rebuild())
    assert entries[0] == Entry(1, 0, "sale 0", "rung", '{"å":1}')
    assert [entry.id for entry in entries] == [1, 2, 3, 4]
    assert list(journal.rebuild()) == entries
    journal.close()


def test_it_is_durable(path: Path) -> None:
    journal = Journal(path)
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)
    journal.close()


@pytest.mark.parametrize(
    "statement", ["UPDATE entries SET at = 9", "DELETE FROM entries WHERE id = 3"]
)
def test_it_only_grows(path: Path, statement: str) -> None:
    journal = Journal(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        journal._db.execute(statement)
    journal.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = '{}' WHERE id = 2",
        "UPDATE entries SET at = 9 WHERE id = 1",
        "DELETE FROM entries WHERE id = 2",
        "DELETE FROM entries WHERE id = 1",
        "UPDATE entries SET hash = zeroblob(32) WHERE id = 3",
        "UPDATE entries SET kind = 'run', body = 'g{\"å\":1}' WHERE id = 2",
    ],
)
def test_a_change_breaks_the_chain(path: Path, statement: str) -> None:
    tamper(path, statement)
    journal = Journal(path)
    with pytest.raises(JournalError, match="chain breaks"):
        list(journal.rebuild())
    journal.close()


def test_one_process_writes(path: Path) -> None:
    first = Journal(path)
    with pytest.raises(JournalError, match="locked"):
        Journal(path)
    first.close()
    Journal(path).close()


def test_another_version_is_refused(path: Path) -> None:
    tamper(path, "PRAGMA user_version = 1")
    with pytest.raises(JournalError, match="schema 1"):
        Journal(path)


def test_what_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database, whatever its name" * 40)
    with pytest.raises(JournalError):
        Journal(path)
    with pytest.raises(JournalError):
        Journal(tmp_path / "nowhere" / "journal.sqlite")
