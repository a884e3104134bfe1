"""Books say of which version they are; those of an earlier release are brought to this one's."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from simulator.authority.accounts import people
from simulator.authority.storage import dialects, migrations
from simulator.authority.storage.dialects import Dialect
from simulator.authority.storage.migrations import MIGRATIONS, VersionError
from simulator.authority.storage.schema import VERSION
from simulator.authority.storage.store import Store
from tests.conftest import PlaceOf

Place = Path | str


@pytest.fixture
def place(tmp_path: Path, place_of: PlaceOf) -> Place:
    """Books of this release, with an organisation."""
    place = place_of(tmp_path)
    with closing(Store(place)) as store:
        people.add_organisation(store, "Skolan")
    return place


def later(monkeypatch: pytest.MonkeyPatch, *steps: migrations.Migration) -> None:
    """A release that is so many versions later than this one."""
    monkeypatch.setattr(migrations, "VERSION", VERSION + len(steps))
    for version, step in enumerate(steps, VERSION):
        monkeypatch.setitem(MIGRATIONS, version, step)


def column(name: str) -> migrations.Migration:
    def add(execute: Callable[..., Any], dialect: Dialect) -> None:
        execute(f"ALTER TABLE organisations ADD COLUMN {name} {dialect.words['text']}")
        execute(f"UPDATE organisations SET {name} = ?", name)

    return add


def versions(store: Store) -> list[int]:
    return [version for (version,) in store.rows("SELECT version FROM migrations ORDER BY 1")]


def test_every_earlier_version_has_its_migration() -> None:
    assert set(MIGRATIONS) == set(range(1, VERSION))


def test_new_books_are_of_this_version(place: Place) -> None:
    with closing(Store(place)) as store:
        assert versions(store) == [VERSION]


def test_each_migration_is_done_once_and_in_order(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, column("town"), column("street"))
    for _ in range(2):
        with closing(Store(place)) as store:
            assert versions(store) == [VERSION, VERSION + 1, VERSION + 2]
            rows = store.rows("SELECT name, town, street FROM organisations")
            assert rows == [("Skolan", "town", "street")]


def test_new_books_need_no_migration(
    tmp_path: Path, place_of: PlaceOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, column("name"))  # it would fail: the column is there
    with closing(Store(place_of(tmp_path))) as store:
        assert versions(store) == [VERSION + 1]


def test_a_migration_that_fails_changes_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as release:
        later(release, column("town"), column("town"))
        with pytest.raises(dialects.DatabaseError):
            Store(place)
    with closing(Store(place)) as store:
        assert versions(store) == [VERSION]
        assert [row[1:] for row in store.rows("SELECT * FROM organisations")] == [("Skolan",)]


def test_newer_books_are_not_touched(place: Place) -> None:
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
            assert versions(opened) == [VERSION]
            assert opened.rows("SELECT version FROM state_version") == [(0,)]
