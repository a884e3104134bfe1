"""Books of an earlier release are read by this one, and lose nothing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from receiver import reasons
from receiver.protocol import messages
from simulator.authority.accounts import bindings, receivers
from simulator.authority.accounts.bindings import Caller
from simulator.authority.keys import Keys
from simulator.authority.ledger import ledger, statements
from simulator.authority.storage import dialects
from simulator.authority.storage.migrations import VersionError
from simulator.authority.storage.schema import DECLINED, POSTED, VERSION, VOIDED
from simulator.authority.storage.store import Store
from tests import evidence
from tests.conftest import PlaceOf

FIRST = Path(__file__).with_name("authority_first.sql")
SECOND = Path(__file__).with_name("authority_second.sql")
RECEIVER, OTHER = bytes(range(8)), b"receiver"
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


def test_the_first_clients_are_bound(store: Store) -> None:
    assert store.rows("SELECT * FROM bindings") == [(RECEIVER, "client", 0, None)]
    booked_by = store.rows("SELECT client, till FROM transactions")
    assert booked_by == [("client", None)] * 3  # the receipts of these books name no till


# Version 2, on either database


def receipt(directory: Path) -> bytes:
    """Of a purchase at till 7 that was declined."""
    sold = (messages.DECLINED, bytes(16), 100, evidence.SEK, messages.NO_TRANSACTION, 5, 101, 7)
    keys = Keys(directory / "keys.json")
    return keys.receipt(messages.Receipt(messages.VERSION, *sold, reasons.CODE_WRONG))


@pytest.fixture
def second(tmp_path: Path, place_of: PlaceOf) -> Path | str:
    """With a receipt for till 7, a tombstone, and a receiver of another client."""
    place = place_of(tmp_path)
    dialect = dialects.of(place)
    text = re.sub(r"(?m)^--.*$", "", SECOND.read_text()).format_map(dialect.words)
    with closing(dialect.connect()) as db:

        def execute(sql: str, *values: Any) -> None:
            dialect.execute(db, sql, values)

        for statement in text.strip().rstrip(";").split(";"):
            execute(statement)
        execute("CREATE TABLE migrations (version INTEGER PRIMARY KEY, time BIGINT)")
        execute("INSERT INTO migrations VALUES (2, 0)")
        for name, client in ((RECEIVER, "client"), (OTHER, "other")):
            execute("INSERT INTO receivers (id, client) VALUES (?, ?)", name, client)
        booked = "INSERT INTO transactions (approval_id, receiver, state, time, changed, receipt) "
        booked += "VALUES (?, ?, ?, 5, 5, ?)"
        execute(booked, b"\xa1" * 16, RECEIVER, DECLINED, receipt(tmp_path))
        execute(booked, b"\xa2" * 16, OTHER, VOIDED, None)
        execute(booked, b"\xa3" * 16, RECEIVER, DECLINED, b"of a layout that is not read")
    return place


def test_the_second_knew_the_client_of_the_day(second: Path | str) -> None:
    for _ in range(2):
        with closing(Store(second)) as store:
            versions = store.rows("SELECT version FROM migrations ORDER BY version")
            assert versions == [(2,), (VERSION,)]
            assert store.rows("SELECT * FROM bindings ORDER BY client") == [
                (RECEIVER, "client", 0, None),
                (OTHER, "other", 0, None),
            ]
            booked = store.rows("SELECT client, till FROM transactions ORDER BY approval_id")
            assert booked == [("client", 7), ("other", None), ("client", None)]


def test_business_goes_on_after_the_second(second: Path | str) -> None:
    with closing(Store(second)) as store:
        client = bindings.caller(store, "other", OTHER)
        assert client == Caller("other", OTHER)
        assert ledger.reverse(store, client, b"\xa2" * 16, 6) == VOIDED
        assert ledger.reverse(store, client, b"\xa4" * 16, 6) == VOIDED
        listed, _ = statements.page(store, CALLER, 0, 9, statements.BEGINNING)
        assert [one["till"] for one in listed] == [7, None]


def test_migrated_books_are_as_new_ones(second: Path | str, tmp_path: Path) -> None:
    """Every table has the columns that new books give it."""
    (tmp_path / "new").mkdir()
    with closing(Store(second)) as store, closing(Store(tmp_path / "new" / "books")) as new:
        for (table,) in new.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
            wanted = {row[0] for row in new.rows("SELECT name FROM pragma_table_info(?)", table)}
            columns = ", ".join(sorted(wanted))
            assert store.rows(f"SELECT {columns} FROM {table} WHERE 1 = 0") == []


def test_a_migration_that_fails_changes_nothing(
    first: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept(first)
    monkeypatch.setattr(
        "simulator.authority.storage.migrations._FIRST_TABLES", {"organisations": "no"}
    )
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
