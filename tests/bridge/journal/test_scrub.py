"""After the WAL was emptied the journal is as patient with others as it was before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.journal import Journal, database
from tests.support.bridge.journals import closed, raw

PATIENCE_MS = 250


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


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
