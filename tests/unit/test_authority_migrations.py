"""Books of an earlier release are read by this one, and lose nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from simulator.authority import ledger, receivers
from simulator.authority.bindings import Caller
from simulator.authority.migrations import VersionError
from simulator.authority.schema import POSTED, VERSION, VOIDED
from simulator.authority.store import Store
from tests.conftest import PlaceOf

FIRST = Path(__file__).with_name("authority_first.sql")
RECEIVER = bytes(range(8))
CALLER = Caller("client", RECEIVER)
TABLES = (
    *("organisations", "buyers", "recipients", "buyer_recipients", "activations", "phones"),
    *("credentials", "receivers", "certificates", "transactions", "state_version"),
)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    path = tmp_path / "books.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FIRST.read_text())
    return path


@pytest.fixture
def store(first: Path) -> Iterator[Store]:
    with closing(Store(first)) as store:
        yield store


def kept(path: Path) -> dict[str, set[tuple[object, ...]]]:
    """Every row by what the first version had of it; without what it knew in another way."""
    with closing(sqlite3.connect(path)) as db:
        columns = {
            table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")] for table in TABLES
        }
        columns["receivers"] = ["id"]
        columns["credentials"] = ["id", "phone", "recipient", "expires"]
        return {
            table: set(db.execute(f"SELECT {', '.join(names)} FROM {table}"))
            for table, names in columns.items()
        }


def test_every_row_is_kept(first: Path) -> None:
    before = kept(first)
    Store(first).close()
    with closing(Store(first)) as store:
        for table, rows in before.items():
            assert store.value(f"SELECT count(*) FROM {table}") == len(rows), table
        assert store.rows("SELECT version FROM migrations") == [(VERSION,)]
        assert store.rows("SELECT name FROM sqlite_master WHERE name LIKE 'old%'") == []
    for table in ("organisations", "buyer_recipients", "activations", "receivers", "state_version"):
        assert kept(first)[table] == before[table]


def test_what_was_said_otherwise_means_the_same(store: Store) -> None:
    assert receivers.next_state_version(store) == 42
    old, new = receivers.issued(store, b"\xc1"), receivers.issued(store, b"\xc2")
    assert old is not None
    assert new is not None
    assert (old.replaced, new.replaced) == (0, None)
    assert store.rows("SELECT revoked FROM credentials ORDER BY id") == [(None,), (0,)]
    assert store.rows("SELECT blocked, offline_floor FROM buyers ORDER BY id") == [(0, 0), (1, 0)]
    assert store.rows("SELECT tries, code_at FROM phones") == [(3, 0)]
    issuers = store.rows("SELECT invoice_issuer FROM transactions ORDER BY approval_id")
    assert issuers == [(7,), (7,), (None,)]


def test_business_goes_on(store: Store) -> None:
    assert ledger.confirm(store, CALLER, b"\xa1", 1).state == POSTED
    assert ledger.confirm(store, CALLER, b"\xa2", 1).state == VOIDED
    assert ledger.reverse(store, CALLER, b"\xa3", 1) == VOIDED
    assert store.value("SELECT credit_space FROM recipients WHERE id = 1") == 987_450


def test_a_migration_that_fails_changes_nothing(
    first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept(first)
    monkeypatch.setattr("simulator.authority.migrations._FIRST_TABLES", {"organisations": "no"})
    with pytest.raises(sqlite3.Error):
        Store(first)
    assert kept(first) == before
    monkeypatch.undo()
    Store(first).close()


def test_newer_books_are_not_touched(tmp_path: Path, place_of: PlaceOf) -> None:
    place = place_of(tmp_path)
    with closing(Store(place)) as store:
        store.run("INSERT INTO migrations VALUES (?, ?)", VERSION + 1, 0)
    with pytest.raises(VersionError, match=str(VERSION + 1)):
        Store(place)


def test_several_open_new_books_at_once(tmp_path: Path, place_of: PlaceOf) -> None:
    place = place_of(tmp_path)
    with ThreadPoolExecutor(4) as threads:
        stores = [threads.submit(Store, place) for _ in range(4)]
    for store in stores:
        with closing(store.result()) as opened:
            assert opened.rows("SELECT version FROM migrations") == [(VERSION,)]
            assert opened.rows("SELECT version FROM state_version") == [(0,)]
