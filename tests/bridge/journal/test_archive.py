"""Archives: what is closed moves out, what is open is carried over, and nothing is lost between."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.journal import CursorError, DamageError, Entry, Journal, JournalError, disk, writer
from tests.support.bridge.journals import EVER, closed, raw, tamper, verified


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """Two archives with a sale each, a sale open since before the first, and one entry more."""
    with closing(Journal.open(path)) as journal:
        journal.append(1, "open", "rung", "{}", b"an open secret")
        for number in (1, 2):
            sell(journal, f"sale {number}")
            journal.archive({"open"})
        journal.append(3, "open", "offered", "{}")
        yield journal


def sell(journal: Journal, sale_id: str) -> None:
    journal.append(2, sale_id, "rung", "{}")
    journal.append(2, sale_id, "approval_received", "{}", sale_id.encode() + b" secret")
    journal.close_sale(closed(sale_id))


def archive(path: Path, number: int) -> Path:
    return path.with_suffix(".archive") / f"{number:06}.sqlite"


def test_open_sales_are_carried_over_with_their_secrets(path: Path, journal: Journal) -> None:
    for _ in range(2):
        live = list(journal.rebuild())
        assert {entry.sale_id for entry in live} == {"open"}
        assert [(entry.kind, entry.secret) for entry in live] == [
            ("rung", b"an open secret"),
            ("offered", b""),
        ]
        assert [entry.id for entry in journal.entries_of("open")] == [1, live[1].id]
        assert journal.entries_of("open")[0].secret == b"an open secret"
        journal.close()
        journal = Journal.open(path)
    journal.close()


def test_what_was_archived_is_found(journal: Journal) -> None:
    assert [entry.kind for entry in journal.entries_of("sale 1")] == ["rung", "approval_received"]
    assert journal.closed("sale 2") == closed("sale 2")
    assert len(journal.closed_between(0, EVER)) == 2
    assert journal.entries_of("nobody") == []


def test_the_chain_goes_through_all_files(path: Path, journal: Journal) -> None:
    report = verified(path)
    assert report.findings == []
    # the open sale twice again, each sale with the entry that closes it
    assert (report.archives, report.closed, report.entries) == (2, 2, 1 + 3 + 1 + 3 + 1 + 1)


def test_an_archive_is_never_written_to(path: Path, journal: Journal) -> None:
    modes = {stat.S_IMODE(file.stat().st_mode) for file in archive(path, 1).parent.iterdir()}
    assert modes == {0o400}
    assert stat.S_IMODE(archive(path, 1).parent.stat().st_mode) == 0o700


def test_secrets_are_in_no_archive_and_nowhere_once_closed(path: Path, journal: Journal) -> None:
    journal.flush()
    assert b"sale 1 secret" not in raw(path)
    assert b"sale 2 secret" not in raw(path)
    assert raw(path).count(b"an open secret") == 1
    journal.close_sale(closed("open"))
    journal.archive(set())
    assert b"an open secret" not in raw(path)


def test_nothing_new_is_not_archived(path: Path, journal: Journal) -> None:
    journal.close_sale(closed("open"))
    journal.archive(set())
    journal.archive(set())
    assert archive(path, 3).exists()
    assert not archive(path, 4).exists()
    assert list(journal.rebuild()) == []
    journal.append(1, "next", "rung", "{}")
    journal.close()
    with closing(Journal.open(path)) as again:
        assert [entry.sale_id for entry in again.rebuild()] == ["next"]


def test_what_comes_after_a_cursor(journal: Journal) -> None:
    news = journal.since(journal._base.last)
    assert [entry.kind for entry in news] == ["offered"]  # what was carried over is no news
    assert journal.since(news[0].id) == []


def test_the_cursor_of_what_was_archived_last_is_good(journal: Journal) -> None:
    """Who has seen it all misses nothing where a sale is closed and put away just then."""
    [news] = journal.since(journal._base.last)
    last = max(entry.id for entry in journal.entries_of("sale 2"))
    assert last < journal._base.last
    assert journal.since(last) == [news]
    for cursor in (last - 1, 1, 0):
        with pytest.raises(CursorError):
            journal.since(cursor)


def test_when_it_is_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "ARCHIVE_AT", 2)
    with closing(Journal.open(path)) as journal:
        for number in range(4):
            journal.append(1, f"open {number}", "rung", "{}")
        sell(journal, "sale 1")
        assert not journal.must_archive()
        sell(journal, "sale 2")
        assert journal.must_archive()
        journal.archive({f"open {number}" for number in range(4)})
        for number in range(3):
            sell(journal, f"sale 3.{number}")
            assert not journal.must_archive()  # less closed than carried over: it would not pay
    with closing(Journal.open(path)) as journal:
        assert not journal.must_archive()
        sell(journal, "sale 4")
        assert journal.must_archive()


# Damage.


@pytest.mark.parametrize(
    ("number", "statement", "words"),
    [
        (1, "UPDATE entries SET body = '[]' WHERE id = 2", "000001.sqlite: the hash chain breaks"),
        (2, "DELETE FROM entries WHERE id > 7", "000002.sqlite: does not end with the entry"),
        (2, "DELETE FROM entries WHERE id = 5", "000002.sqlite: the hash chain breaks at entry 6"),
        (1, "UPDATE entries SET sealed = x'' WHERE id = 1", "breaks at entry 1;"),
        (0, "UPDATE closed SET amount = 1 WHERE sale_id = 'sale 1'", "the index of sale sale 1"),
        (0, "UPDATE closed SET opened = 1 WHERE sale_id = 'sale 1'", "the index of sale sale 1"),
        (0, "DELETE FROM closed WHERE sale_id = 'sale 2'", "sale 2 is missing in the index"),
        (0, "UPDATE closed SET sale_id = 'sale x' WHERE sale_id = 'sale 2'", "the index of sale"),
        (0, "UPDATE secrets SET secret = x'0102'", "the secret of entry 9 is wrong"),
        (0, "UPDATE archives SET head = zeroblob(32) WHERE number = 1", "000001.sqlite: does not"),
        (0, "UPDATE archives SET head = zeroblob(32) WHERE number = 2", "the hash chain breaks"),
        (0, "DELETE FROM archives WHERE number = 2", "does not belong to this journal"),
    ],
)
def test_verify_finds_what_was_changed(
    path: Path, journal: Journal, number: int, statement: str, words: str
) -> None:
    journal.close()
    tamper(archive(path, number) if number else path, statement)
    assert words in "\n".join(verified(path).findings)


def test_an_archive_that_is_missing(path: Path, journal: Journal) -> None:
    archive(path, 1).unlink()
    assert "000001.sqlite: this archive is missing" in verified(path).findings[0]
    with pytest.raises(DamageError, match=r"000001.sqlite: this archive is missing"):
        journal.entries_of("sale 1")
    journal.append(1, "open", "cancelled", "{}")  # the live part needs none


def test_an_older_copy_is_not_written_to(path: Path, journal: Journal) -> None:
    """Restored from before the last archive, it would begin a second one of that name."""
    journal.close()
    older = path.read_bytes()
    with closing(Journal.open(path)) as again:
        sell(again, "sale 3")
        again.archive({"open"})
    path.write_bytes(older)
    with pytest.raises(DamageError, match=r"000003.sqlite: holds entries that .* does not have"):
        Journal.open(path)
    assert path.read_bytes() == older
    path.unlink()
    with pytest.raises(DamageError, match=r"000001.sqlite: holds entries"):
        Journal.open(path)
    assert not path.exists()


def test_a_foreign_archive_is_not_overwritten(path: Path, journal: Journal) -> None:
    with closing(Journal.open(path.with_name("other.sqlite"))) as other:
        sell(other, "elsewhere")
        other.archive(set())
    foreign = archive(path.with_name("other.sqlite"), 1).rename(archive(path, 3))
    before = foreign.read_bytes()
    sell(journal, "sale 3")
    with pytest.raises(DamageError, match=r"000003.sqlite: holds entries"):
        journal.archive({"open"})
    assert foreign.read_bytes() == before
    assert journal.closed("sale 3") is not None
    foreign.unlink()
    journal.archive({"open"})
    assert verified(path).findings == []


def test_an_archive_that_was_written_for_nothing(path: Path, journal: Journal) -> None:
    """Its entries could not be let go of, and more came until it was tried again."""
    sell(journal, "sale 3")
    journal.flush()
    before = list(journal.rebuild())
    refuse = "BEGIN SELECT RAISE(FAIL, 'no'); END"
    journal._db.execute(f"CREATE TRIGGER no BEFORE INSERT ON archives {refuse}")
    with pytest.raises(JournalError, match="no"):
        journal.archive({"open"})
    assert list(journal.rebuild()) == before
    journal._db.execute("DROP TRIGGER no")
    assert verified(path).findings == []
    journal.append(4, "open", "approval_received", "{}")
    journal.archive({"open"})
    assert [entry.kind for entry in journal.rebuild()][-1] == "approval_received"
    assert verified(path).findings == []


# The archive is read once more before the live entries go: a disk need not keep what it took.


SALES = ("open", "sale 1", "sale 2")


@pytest.fixture
def mixed(path: Path) -> Path:
    """A journal with a closed sale, an open one, and one that was closed last."""
    with closing(Journal.open(path)) as journal:
        journal.append(1, "open", "rung", "{}", b"an open secret")
        for sale_id in SALES[1:]:
            journal.append(2, sale_id, "rung", "{}")
            journal.close_sale(closed(sale_id))
    return path


def told(journal: Journal) -> list[Entry]:
    return [entry for sale_id in SALES for entry in journal.entries_of(sale_id)]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM entries WHERE id = (SELECT max(id) FROM entries)",
        "DELETE FROM entries",
        "UPDATE entries SET hash = zeroblob(32) WHERE id = (SELECT max(id) FROM entries)",
    ],
    ids=["its end is lost", "it is empty", "its end is another"],
)
def test_an_archive_that_is_not_what_was_written(
    mixed: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    settle = disk.install

    def settled(partial: Path, final: Path) -> None:
        tamper(partial, statement)
        settle(partial, final)

    monkeypatch.setattr(disk, "install", settled)
    with closing(Journal.open(mixed)) as journal:
        before, live = told(journal), list(journal.rebuild())
        with pytest.raises(DamageError, match=r"000001\.sqlite: differs from what was written"):
            journal.archive({"open"})
        assert list(journal.rebuild()) == live
        assert told(journal) == before
        assert journal.closed("sale 2") == closed("sale 2")
    mixed.with_suffix(".archive").joinpath("000001.sqlite").unlink()  # else the next start says so
    monkeypatch.undo()
    with closing(Journal.open(mixed)) as journal:
        assert told(journal) == before
        journal.archive({"open"})
        assert told(journal) == before
    assert verified(mixed).findings == []
