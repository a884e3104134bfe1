"""The journal: append-only, chained, one writer, and the same after it is opened again."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.journal import DamageError, Entry, Journal, JournalError
from tests.support.bridge.journals import (
    closed,
    is_next_version,
    next_version,
    old_journal,
    raw,
    tamper,
    verified,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with three entries, closed."""
    path = tmp_path / "journal.sqlite"
    with closing(Journal.open(path)) as journal:
        for number in range(3):
            journal.append(number, f"sale {number}", "rung", '{"å":1}')
    return path


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.open(tmp_path / "journal.sqlite")) as journal:
        yield journal


def test_what_was_written_is_read_again(path: Path) -> None:
    with closing(Journal.open(path)) as journal:
        assert journal.append(3, "sale 3", "cancelled", "{}") == 4
        entries = list(journal.rebuild())
        assert entries[0] == Entry(1, 0, "sale 0", "rung", '{"å":1}')
        assert [entry.id for entry in entries] == [1, 2, 3, 4]
        assert list(journal.rebuild()) == entries


def test_it_is_durable(path: Path) -> None:
    with closing(Journal.open(path)) as journal:
        assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_only_its_owner_reads_it(path: Path) -> None:
    path.chmod(0o644)
    with closing(Journal.open(path)) as journal:
        journal.append(3, "sale 3", "cancelled", "{}")
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert len(modes) == 4  # with WAL, its index and the lock


@pytest.mark.parametrize(
    "statement", ["UPDATE entries SET at = 9", "DELETE FROM entries WHERE id = 3"]
)
def test_it_only_grows(path: Path, statement: str) -> None:
    with (
        closing(Journal.open(path)) as journal,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        journal._db.execute(statement)


# Noted, then written.


def test_what_is_noted_is_there_at_once_and_on_disk_with_the_next(
    tmp_path: Path, journal: Journal
) -> None:
    journal.note(1, "sale", "rung", "{}", b"secret")
    journal.note(2, "sale", "offered", "{}")
    told = [Entry(1, 1, "sale", "rung", "{}", b"secret"), Entry(2, 2, "sale", "offered", "{}")]
    assert list(journal.rebuild()) == journal.entries_of("sale") == journal.since(0) == told
    assert on_disk(tmp_path) == 0
    assert journal.append(1, "sale", "approval_received", "{}") == 3
    assert on_disk(tmp_path) == 3
    assert [entry.kind for entry in journal.rebuild()] == ["rung", "offered", "approval_received"]
    assert (journal.since(1)[0].kind, journal.since(3)) == ("offered", [])


@pytest.mark.parametrize("end", [Journal.flush, Journal.close])
def test_flush_and_close_write_what_is_noted(path: Path, end: Callable[[Journal], None]) -> None:
    journal = Journal.open(path)
    journal.note(1, "sale", "rung", "{}")
    end(journal)
    assert on_disk(path.parent) == 4
    journal.close()


def on_disk(directory: Path) -> int:
    with closing(sqlite3.connect(directory / "journal.sqlite")) as db:
        count: int = db.execute("SELECT count(*) FROM entries").fetchone()[0]
    return count


# Closed sales.


def test_a_closed_sale_is_found_before_and_after_it_is_written(
    tmp_path: Path, journal: Journal
) -> None:
    one = closed("sale 1", at=100)
    other = closed("sale 2", at=50, receiver_id=b"other")
    refunds = [
        closed("r1", kind="refund", original="sale 1", amount=20, at=70),
        closed("r2", kind="refund", original="sale 1", amount=30, at=70),
        closed("r3", kind="refund", original="sale 1", amount=40, state="declined", at=70),
        closed("r4", kind="refund", original="sale 2", amount=50, at=70),
    ]
    for sale in (one, other, *refunds):
        journal.append(1, sale.sale_id, "rung", "{}")
        journal.close_sale(sale)
    for _ in range(2):
        assert (journal.closed("sale 1"), journal.closed("sale")) == (one, None)
        assert journal.closed_between(50, 100)[0] == other
        assert [sale.sale_id for sale in journal.closed_between(50, 101)][-1] == "sale 1"
        assert len(journal.closed_between(50, 100)) == 5
        assert journal.closed_between(0, 1000, b"other") == [other]
        assert (journal.refunded("sale 1"), journal.refunded("")) == (50, 0)
        journal.flush()
    with closing(Journal.open(tmp_path / "again.sqlite")) as empty:
        assert empty.closed("sale 1") is None


def test_a_sale_closed_again_counts_once(journal: Journal) -> None:
    journal.append(1, "sale", "rung", "{}")
    journal.close_sale(closed("sale", state="posted"))
    journal.flush()
    again = closed("sale", state="liability")
    journal.close_sale(again)
    journal.flush()
    assert journal.closed_between(0, 10**15) == [again]
    assert [entry.kind for entry in journal.entries_of("sale")] == ["rung"]


# Secrets.


def test_secrets_are_given_back_until_their_sale_closes(path: Path) -> None:
    secret, other = b"the code proof 1", b"the code proof 2"
    with closing(Journal.open(path)) as journal:
        journal.append(1, "sale 1", "approval_received", "{}", secret)
        journal.append(1, "sale 2", "approval_received", "{}", other)
        assert [entry.secret for entry in journal.since(3)] == [secret, other]
        assert secret in raw(path)
    with closing(Journal.open(path)) as journal:
        journal.close_sale(closed("sale 1"))
        assert [entry.secret for entry in journal.since(3)] == [b"", other]
        journal.flush()
        assert [entry.secret for entry in journal.rebuild()][3:] == [b"", other]
        journal.scrub()
        assert secret not in raw(path)
        assert other in raw(path)
    with closing(Journal.open(path)) as journal:
        assert [entry.secret for entry in journal.entries_of("sale 1")] == [b"", b""]
        assert [entry.secret for entry in journal.entries_of("sale 2")] == [b"", other]


def test_a_secret_that_was_only_noted_never_reaches_the_disk(path: Path) -> None:
    with closing(Journal.open(path)) as journal:
        journal.note(1, "sale 1", "approval_received", "{}", b"the code proof")
        journal.close_sale(closed("sale 1"))
        journal.append(1, "sale 2", "rung", "{}")
        assert b"the code proof" not in raw(path)
        assert [entry.secret for entry in journal.rebuild()] == [b""] * 5


def test_a_secret_of_zeros_is_a_secret(journal: Journal) -> None:
    journal.append(1, "sale", "approval_received", "{}", bytes(16))
    assert journal.entries_of("sale")[0].secret == bytes(16)


# One writer.


def test_one_process_writes(path: Path) -> None:
    with closing(Journal.open(path)), pytest.raises(JournalError, match=r"locked by process [0-9]"):
        Journal.open(path)
    Journal.open(path).close()


def test_the_lock_ends_with_its_process(path: Path) -> None:
    script = "import sys, pathlib, bridge.journal as j; j.Journal.open(pathlib.Path(sys.argv[1]));"
    wait = "print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script.replace("j.Journal", "held = j.Journal") + wait, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(JournalError, match=f"locked by process {process.pid};"):
            Journal.open(path)
        process.kill()
    Journal.open(path).close()


# What is not as it was written.


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = '{}' WHERE id = 2",
        "UPDATE entries SET at = 9 WHERE id = 1",
        "DELETE FROM entries WHERE id = 2",
        "DELETE FROM entries WHERE id = 1",
        "UPDATE entries SET hash = zeroblob(32) WHERE id = 3",
        "UPDATE entries SET kind = 'run', body = 'g{\"å\":1}' WHERE id = 2",
        "UPDATE entries SET carried = 1 WHERE id = 2",
        "UPDATE entries SET sealed = zeroblob(32) WHERE id = 2",
        "UPDATE entries SET rule = 3 WHERE id = 2",
        "UPDATE entries SET rule = 99 WHERE id = 2",
        "UPDATE entries SET id = 0 WHERE id = 1",
    ],
)
def test_a_change_breaks_the_chain(path: Path, statement: str) -> None:
    tamper(path, statement)
    before = path.read_bytes()
    with pytest.raises(DamageError, match=r"chain breaks at entry [0-9]; nothing was changed"):
        Journal.open(path)
    assert path.read_bytes() == before


def test_a_change_under_way_is_found_by_rebuild(path: Path) -> None:
    with closing(Journal.open(path)) as journal:
        tamper(path, "UPDATE entries SET body = '{}' WHERE id = 2")
        with pytest.raises(JournalError, match="chain breaks at entry 2"):
            list(journal.rebuild())


@pytest.mark.parametrize("version", [-1, 2, 6])
def test_another_version_is_refused(path: Path, version: int) -> None:
    tamper(path, f"PRAGMA user_version = {version}")
    with pytest.raises(JournalError, match=f"schema {version}, this is for 1"):
        Journal.open(path)


def test_what_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database, whatever its name" * 40)
    with pytest.raises(DamageError, match="not a database"):
        Journal.open(path)
    assert path.read_bytes().startswith(b"not a database")
    with pytest.raises(JournalError, match="No such file"):
        Journal.open(tmp_path / "nowhere" / "journal.sqlite")
    with closing(sqlite3.connect(tmp_path / "other.sqlite")) as db:
        db.execute("CREATE TABLE things (name TEXT)")
    with pytest.raises(JournalError, match="belongs to another program"):
        Journal.open(tmp_path / "other.sqlite")


def test_pages_that_are_damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 + 8 : 4096 + 108] = b"\xff" * 100
    path.write_bytes(data)
    with pytest.raises(DamageError, match="nothing was changed"):
        Journal.open(path)
    assert path.read_bytes() == data


def test_a_wal_without_its_journal(path: Path) -> None:
    wal = path.with_name(path.name + "-wal")
    wal.write_bytes(b"what is left")
    path.unlink()
    with pytest.raises(DamageError, match="put back both"):
        Journal.open(path)
    assert wal.exists()
    assert not path.exists()


# An older version.


def test_an_older_journal_is_migrated(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries, hashes and secrets stay."""
    old = path.with_name("old.sqlite")
    before, hashes = old_journal(old), hashes_of(old)
    next_version(monkeypatch)
    for number in range(2):
        with closing(Journal.open(old)) as journal:
            entries = list(journal.rebuild())
            assert entries[: len(before)] == before
            assert entries[len(before)] == Entry(8, 42, "sale 1", "till_notified", "{}")
            assert journal.append(1, "sale 3", "claimed", "{}", b"secret") == 9 + number
    with closing(sqlite3.connect(old)) as db:
        assert is_next_version(db)
    assert hashes_of(old)[: len(hashes)] == hashes
    assert verified(old).findings == []


def hashes_of(path: Path) -> list[bytes]:
    with closing(sqlite3.connect(path)) as db:
        return [row[0] for row in db.execute("SELECT hash FROM entries ORDER BY id")]


def test_a_damaged_older_journal_stays_as_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = path.with_name("old.sqlite")
    old_journal(old)
    tamper(old, "UPDATE entries SET at = 8 WHERE id = 1")
    before = old.read_bytes()
    next_version(monkeypatch)
    with pytest.raises(DamageError, match="chain breaks at entry 1;"):
        Journal.open(old)
    assert old.read_bytes() == before
    with closing(sqlite3.connect(old)) as db:
        assert not is_next_version(db)
