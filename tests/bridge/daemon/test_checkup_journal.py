"""`tillsign bridge check` on the journal: it finds what a start would find, and changes nothing."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bridge.daemon import journal_checks
from bridge.daemon.findings import TroubleError
from bridge.journal import Journal, JournalError
from tests.support.bridge.journals import closed, next_version, old_journal, tamper

pytestmark = pytest.mark.processes

PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with two archives and something after them, closed."""
    path = tmp_path / "store" / "journal.sqlite"
    path.parent.mkdir()
    with closing(Journal.open(path)) as journal:
        for number in (1, 2):
            sell(journal, f"sale {number}")
            journal.archive(set())
        sell(journal, "sale 3")
    return path


def sell(journal: Journal, sale_id: str) -> None:
    journal.append(1, sale_id, "rung", "{}", b"the code proof")
    journal.close_sale(closed(sale_id))
    journal.flush()


def archive(path: Path, number: int) -> Path:
    return path.with_suffix(".archive") / f"{number:06}.sqlite"


@contextmanager
def unchanged(path: Path) -> Iterator[None]:
    """Every byte stays; what SQLite makes beside a file that is only read is empty."""
    before = contents(path)
    yield
    assert contents(path) == before


def contents(path: Path) -> dict[Path, bytes]:
    files = [file for file in path.parent.rglob("*") if file.is_file()]
    read = {file: file.read_bytes() for file in files if not file.name.endswith("-shm")}
    return {file: data for file, data in read.items() if data}


def test_a_whole_journal(path: Path) -> None:
    with unchanged(path):
        assert journal_checks.files(path) == f"{path}: whole, 6 entries in all"


def test_beside_a_bridge_that_archives(path: Path) -> None:
    with closing(Journal.open(path)) as journal:
        for number in range(3):
            assert "whole" in journal_checks.files(path)
            sell(journal, f"another sale {number}")
            journal.archive(set())


def damaged_index(path: Path) -> None:
    """A page that no reading of the entries comes to."""
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'closed_by_time'"
        root: int = db.execute(query).fetchone()[0]
    data = bytearray(path.read_bytes())
    data[(root - 1) * PAGE : root * PAGE] = b"\xff" * PAGE
    path.write_bytes(data)


def broken_chain(path: Path) -> None:
    tamper(path, "UPDATE entries SET body = '{\"a\":1}' WHERE kind = 'rung'")


def repeated_entries(path: Path) -> None:
    """The live part has what the archives have too."""
    columns = "1, at, sale_id, kind, body, 0, x'', 1, hash"
    tamper(path, f"INSERT INTO entries SELECT {columns} FROM entries LIMIT 1")


def newer_schema(path: Path) -> None:
    tamper(path, "PRAGMA user_version = 99")


def older_copy(path: Path) -> None:
    older = path.read_bytes()
    with closing(Journal.open(path)) as journal:
        journal.archive(set())
    path.write_bytes(older)
    # The crash that left an archive, and then another day.
    with closing(Journal.open(path)) as journal:
        sell(journal, "sale 4")
    shutil.copy(archive(path, 2), archive(path, 3))


def no_journal_but_archives(path: Path) -> None:
    path.unlink()


def wal_alone(path: Path) -> None:
    path.with_name(path.name + "-wal").write_bytes(b"what is left")
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "spoil",
    [
        *(damaged_index, broken_chain, repeated_entries, newer_schema, older_copy),
        *(no_journal_but_archives, wal_alone),
    ],
)
def test_it_finds_what_a_start_would_find(path: Path, spoil: Callable[[Path], None]) -> None:
    spoil(path)
    with unchanged(path), pytest.raises(TroubleError) as found:
        journal_checks.files(path)
    assert "do not delete it" in found.value.todo
    with pytest.raises(JournalError) as refused:
        Journal.open(path)
    assert str(refused.value) == found.value.detail


def without(path: Path) -> None:
    archive(path, 1).unlink()


def cut_short(path: Path) -> None:
    tamper(archive(path, 2), "DELETE FROM entries WHERE kind = 'journal.closed'")


def unreadable(path: Path) -> None:
    archive(path, 2).chmod(0o600)
    archive(path, 2).write_bytes(b"not a database, whatever its name" * 400)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without, "000001.sqlite: this archive is missing"),
        (cut_short, "000002.sqlite: does not end with the entry recorded in the journal"),
        (unreadable, "000002.sqlite: file is not a database"),
    ],
)
def test_archives_in_doubt_are_named_and_do_not_stop_a_start(
    path: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(path)
    with unchanged(path), pytest.raises(TroubleError, match=words) as found:
        journal_checks.files(path)
    assert "from a backup" in found.value.todo
    with closing(Journal.open(path)) as journal:
        assert [found.value.detail] == journal.doubts


def test_an_older_one_is_migrated_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "old.sqlite"
    old_journal(old)
    next_version(monkeypatch)
    before = old.read_bytes()
    assert journal_checks.files(old) == (
        f"{old}: has an older version; the bridge migrates it at its start"
    )
    assert old.read_bytes() == before
    tamper(old, "UPDATE entries SET at = 8 WHERE id = 1")
    with pytest.raises(TroubleError, match="chain breaks at entry 1"):
        journal_checks.files(old)
