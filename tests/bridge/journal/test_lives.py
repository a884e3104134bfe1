"""The lives of a journal, how far it has come, and what it knows of receivers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.journal import ArchiveError, Journal, Position
from bridge.journal.chain import GENESIS
from bridge.journal.lives import BEHIND, NEW, RESTORED
from bridge.journal.reader import Reader
from bridge.journal.verify import verify
from tests.support.bridge.journals import closed, tamper, verified


def sell(journal: Journal, sale_id: str, at: int = 5, receiver_id: bytes = b"receiver") -> None:
    journal.append(at, sale_id, "rung", "{}")
    journal.close_sale(closed(sale_id, receiver_id=receiver_id))
    journal.flush()


# Lives.


def test_each_journal_has_a_life_of_its_own(path: Path, journal: Journal) -> None:
    [life] = journal.lives()
    assert (life.number, life.cause, life.previous, life.entry) == (1, NEW, b"", 0)
    assert journal.life == life.life
    assert len(life.life) == 16
    with closing(Journal.open(path.with_name("other.sqlite"))) as other:
        assert other.life != journal.life
    journal.close()
    with closing(Journal.open(path)) as again:
        assert again.lives() == [life]


def test_a_new_life_begins_with_an_entry_and_outlives_archives(
    path: Path, journal: Journal
) -> None:
    journal.note(1, "sale", "rung", "{}")
    first = journal.life
    journal.begin_life(42, RESTORED)
    assert journal.position.sequence == 2
    assert journal.position.life == journal.life != first
    sell(journal, "sale 1")
    journal.archive({"sale"})
    journal.begin_life(43, BEHIND)
    lives = journal.lives()
    assert [(life.cause, life.at, life.entry) for life in lives[1:]] == [
        (RESTORED, 42, 2),
        (BEHIND, 43, 6),
    ]
    assert [life.previous for life in lives] == [b"", *(life.life for life in lives[:-1])]
    assert {entry.sale_id for entry in journal.rebuild()} == {"sale"}
    assert journal.since(journal.position.sequence) == []
    journal.close()
    with closing(Journal.open(path)) as again, Reader(path) as reader:
        assert again.lives() == reader.lives() == lives
    assert verified(path).findings == []


def test_a_life_is_on_the_disk_when_it_has_begun(path: Path, journal: Journal) -> None:
    journal.begin_life(42, BEHIND)
    with Reader(path) as reader:
        assert reader.lives() == journal.lives()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lives SET life = zeroblob(16) WHERE number = 2",
        "UPDATE lives SET life = zeroblob(16) WHERE number = 1",
        "UPDATE lives SET cause = 'new' WHERE number = 2",
        "UPDATE lives SET entry = 1 WHERE number = 1",
        "DELETE FROM lives WHERE number = 2",
        "DELETE FROM lives",
        "INSERT INTO lives SELECT 3, life, cause, previous, at, entry FROM lives WHERE number = 2",
    ],
)
def test_other_lives_than_the_entries_say_are_found(
    path: Path, journal: Journal, statement: str
) -> None:
    journal.begin_life(42, RESTORED)
    journal.close()
    tamper(path, statement)
    [finding] = verified(path).findings
    assert finding.endswith("the lives do not match the entries")


@pytest.mark.parametrize("statement", ["UPDATE lives SET at = 9", "DELETE FROM lives"])
def test_lives_stay(journal: Journal, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        journal._db.execute(statement)


# How far it has come.


def test_the_position_is_of_the_newest_entry_on_the_disk(path: Path, journal: Journal) -> None:
    assert journal.position == Position(journal.life, 0, GENESIS.hash)
    journal.append(1, "sale", "rung", "{}")
    before = journal.position
    assert before.sequence == 1
    journal.note(2, "sale", "offered", "{}")
    assert (journal.position, journal.hash_at(2)) == (before, None)
    journal.flush()
    assert journal.position.sequence == 2
    assert journal.position.hash == journal.hash_at(2) != before.hash
    journal.archive({"sale"})
    assert journal.position.sequence == 4  # the open sale is carried over
    assert journal.position.hash == journal.hash_at(4)
    position = journal.position
    journal.close()
    with closing(Journal.open(path)) as again:
        assert again.position == position


def test_the_hash_at_every_entry_is_known_in_archives_too(path: Path, journal: Journal) -> None:
    hashes = [GENESIS.hash]
    for number in range(3):
        sell(journal, f"sale {number}")
        hashes += [journal.hash_at(number * 2 + 1) or b"", journal.position.hash]
        journal.archive(set())
    assert [journal.hash_at(number) for number in range(len(hashes))] == hashes
    assert journal.hash_at(len(hashes)) is None
    with Reader(path) as reader:
        assert [reader.hash_at(number) for number in range(len(hashes))] == hashes
    (path.with_suffix(".archive") / "000002.sqlite").unlink()
    with pytest.raises(ArchiveError, match=r"000002.sqlite: this archive is missing"):
        journal.hash_at(3)
    assert journal.hash_at(4) == hashes[4]  # where it ends, the journal itself knows


def test_when_the_newest_entry_was_written(journal: Journal) -> None:
    """A sale may be closed at a time long past, and what is carried over is old."""
    assert journal.newest_at() == 0
    sell(journal, "sale 1", at=100)
    assert journal.newest_at() == 100
    journal.note(200, "sale 2", "rung", "{}")
    assert journal.newest_at() == 200
    journal.append(150, "sale 2", "offered", "{}")
    assert journal.newest_at() == 150
    journal.archive({"sale 2"})
    assert journal.newest_at() == 150


def test_an_older_copy_is_found_by_what_the_bridge_had_written(
    path: Path, journal: Journal
) -> None:
    def findings(reached: Position) -> list[str]:
        with Reader(path) as reader:
            return verify(reader, lambda done, files: None, reached).findings

    sell(journal, "sale 1")
    position = journal.position
    assert findings(position) == []
    journal.archive(set())
    sell(journal, "sale 2")
    assert findings(position) == []
    assert "older than what the bridge had written" in findings(position._replace(sequence=99))[0]
    assert "another history" in findings(position._replace(hash=bytes(32)))[0]


# Receivers.


def test_receivers_are_those_of_every_closed_sale(path: Path, journal: Journal) -> None:
    sell(journal, "sale 1")
    journal.archive(set())
    sell(journal, "sale 2")
    journal.close_sale(closed("sale 3", receiver_id=b"another"))
    for _ in range(2):
        assert journal.receivers() == [(b"another", 7), (b"receiver", 7)]
        journal.flush()
    tamper(path, "DELETE FROM receivers WHERE receiver_id = CAST('another' AS BLOB)")
    [finding] = verified(path).findings
    assert finding.endswith("the receivers do not match the closed sales")
