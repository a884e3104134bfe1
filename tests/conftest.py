"""What all tests share: a PostgreSQL where there is one, and a word where there is none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from simulator.authority.storage.postgres_cluster import Cluster, binaries

PlaceOf = Callable[[Path], Path | str]

_MISSING = "PostgreSQL is not installed: the authority's books are tested on SQLite only"

_MEMORY = Path("/dev/shm")
_ROOM = 2 * 2**30  # bytes: several times what all tests write

settings.register_profile("untimed", deadline=None)  # a busy machine fails no test
settings.load_profile("untimed")

# What takes its time in a whole folder; pyproject.toml says of each marker what it means.
_FOLDERS = {
    "crash": "crashes",
    "fuzz": "random",
    "micropython": "processes",
    "mutants": "mutants",
    "stories": "processes",
}
# And what takes its time in whatever asks for it: a bridge with its authority.
_FIXTURES = {"stopped": "processes"}


def pytest_configure() -> None:
    """Keep what tests write in memory, where there is room: there no journal waits for a disk."""
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    if has_room and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        if folder in _FOLDERS:
            item.add_marker(_FOLDERS[folder])
        for name in _FIXTURES.keys() & getattr(item, "fixturenames", ()):
            item.add_marker(_FIXTURES[name])
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_report_header() -> str:
    folder = binaries()
    return _MISSING if folder is None else f"PostgreSQL: {folder}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if binaries() is None:
        terminalreporter.write_line(_MISSING, yellow=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Gives the URL of new, empty books at each call; one private server for the whole run."""
    folder = binaries()
    if folder is None:
        pytest.skip(_MISSING)
    with Cluster(folder) as cluster:
        yield cluster.new_books


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place_of(request: pytest.FixtureRequest) -> PlaceOf:
    """Where new books of the authority are, for a directory: on each database in turn."""
    if request.param == "sqlite":
        return lambda directory: directory / "books.sqlite"
    new_books = request.getfixturevalue("postgres")
    return lambda _: new_books()
