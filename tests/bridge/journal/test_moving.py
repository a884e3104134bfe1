"""The archive is read once more before the live entries go: a disk need not keep what it took."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from bridge.journal import DamageError, Entry, Journal, disk
from tests.support.bridge.journals import closed, tamper, verified

SALES = ("open", "sale 1", "sale 2")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with a closed sale, an open one, and one that was closed last."""
    path = tmp_path / "journal.sqlite"
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
    path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    settle = disk.install

    def settled(partial: Path, final: Path) -> None:
        tamper(partial, statement)
        settle(partial, final)

    monkeypatch.setattr(disk, "install", settled)
    with closing(Journal.open(path)) as journal:
        before, live = told(journal), list(journal.rebuild())
        with pytest.raises(DamageError, match=r"000001\.sqlite: differs from what was written"):
            journal.archive({"open"})
        assert list(journal.rebuild()) == live
        assert told(journal) == before
        assert journal.closed("sale 2") == closed("sale 2")
    path.with_suffix(".archive").joinpath("000001.sqlite").unlink()  # else the next start says so
    monkeypatch.undo()
    with closing(Journal.open(path)) as journal:
        assert told(journal) == before
        journal.archive({"open"})
        assert told(journal) == before
    assert verified(path).findings == []
