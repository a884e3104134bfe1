"""No room on the disk, or a disk that fails: nothing half written, nothing lost."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bridge.journal import Journal, JournalError, JournalFullError, disk, writer
from tests.support.bridge.journals import Model, Written, closed, verified

BODY = '{"offer":"' + "ab" * 4000 + '"}'


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def limit(journal: Journal, pages: int) -> None:
    """How many pages more the file may grow."""
    count = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count = {count + pages}")


def test_what_did_not_fit_left_nothing_and_fits_later(path: Path) -> None:
    with closing(Journal.open(path)) as journal:
        journal.append(1, "sale", "rung", "{}")
        limit(journal, 2)
        journal.note(2, "sale", "offered", "{}", b"noted")
        for _ in range(2):
            with pytest.raises(JournalFullError, match="no room on the disk; free some"):
                journal.append(3, "sale", "approval_received", BODY, b"not written")
        assert [entry.kind for entry in journal.rebuild()] == ["rung", "offered"]
        journal.append(4, "sale", "cancelled", "{}")  # what is small still fits
        limit(journal, 1000)
        assert journal.append(5, "sale", "approval_received", BODY, b"written") == 4
    with closing(Journal.open(path)) as journal:
        entries = list(journal.rebuild())
    assert [entry.kind for entry in entries] == [
        "rung",
        "offered",
        "cancelled",
        "approval_received",
    ]
    assert [entry.secret for entry in entries] == [b"", b"noted", b"", b"written"]
    assert verified(path).findings == []


def test_what_was_noted_stays_noted(path: Path) -> None:
    with closing(Journal.open(path)) as journal:
        journal.append(1, "sale", "approval_received", "{}", b"secret")
        limit(journal, 1)
        journal.note(1, "sale", "authorised", BODY)
        journal.close_sale(closed("sale"))
        with pytest.raises(JournalFullError):
            journal.flush()
        assert journal.closed("sale") == closed("sale")
        assert [entry.kind for entry in journal.entries_of("sale")] == [
            "approval_received",
            "authorised",
        ]
        limit(journal, 1000)
        journal.flush()
    assert verified(path).closed == 1


def test_a_disk_that_fills_up(small: Path) -> None:
    """In the middle of what is written, an archive too; with room it goes on."""
    path, model = small / "journal.sqlite", Model()
    ballast = small / "ballast"
    ballast.write_bytes(bytes(200_000))
    with closing(Journal.open(path)) as journal:
        fill(journal, model)
        with pytest.raises(JournalFullError):
            journal.archive(model.open())
        model.compare(journal)
        assert not journal.room()
        ballast.unlink()
        journal.append(1, "last", "rung", "{}")
        model.log.append(Written(1, "last", "rung", "{}"))
        model.durable = len(model.log)
        model.compare(journal)
    model.agree(path)


def fill(journal: Journal, model: Model) -> None:
    for number in range(1000):
        line = Written(1, f"sale {number}", "rung", BODY[: 50 * number], b"secret %d" % number)
        try:
            journal.append(*line[:5])
        except JournalFullError:
            return
        model.log.append(line)
        model.durable = len(model.log)
    pytest.fail("there was room for everything")


def test_an_archive_that_does_not_fit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))

    with closing(Journal.open(path)) as journal:
        journal.append(1, "sale", "rung", "{}")
        journal.close_sale(closed("sale"))
        with monkeypatch.context() as patch:
            patch.setattr(disk, "sync", full)
            with pytest.raises(JournalFullError, match="No space left"):
                journal.archive(set())
        assert [entry.kind for entry in journal.rebuild()] == ["rung"]
        journal.archive(set())
        assert (list(journal.rebuild()), len(journal.entries_of("sale"))) == ([], 1)
    assert verified(path).findings == []


def test_room_for_new_sales(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Journal.open(path)) as journal:
        monkeypatch.setattr(disk, "free", lambda _: writer.ROOM)
        assert journal.room()
        monkeypatch.setattr(disk, "free", lambda _: writer.ROOM - 1)
        assert not journal.room()


# A disk that fails.


def test_after_a_failed_commit_nothing_more_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is on the disk nobody can say before the journal is read again."""
    failing = False

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
            if failing and statement == "COMMIT":
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                raise error
            return super().execute(statement, *arguments)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Connection))
    journal = Journal.open(path)
    journal.append(1, "sale", "rung", "{}")
    failing = True
    with pytest.raises(JournalError, match="disk I/O error"):
        journal.append(2, "sale", "approval_received", "{}")
    failing = False
    with pytest.raises(JournalError, match=r"failed before: .* restart the bridge"):
        journal.append(3, "sale", "approval_received", "{}")
    assert len(journal.entries_of("sale")) == 1
    journal.close()
    with closing(Journal.open(path)) as again:
        assert [entry.at for entry in again.rebuild()] == [1]


def test_a_journal_that_is_shut_says_so(path: Path) -> None:
    journal = Journal.open(path)
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append(1, "sale", "rung", "{}")
    journal.close()
