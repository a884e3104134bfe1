"""What all tests share: a PostgreSQL where there is one, and a word where there is none."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import cast

import pytest
from hypothesis import settings

from firmware.tools.bundle import slot
from simulator.authority.storage.postgres_cluster import Cluster, binaries
from simulator.hardware.rv32 import image, toolchain
from simulator.world.receiver_command import BUILT, ROOT

PlaceOf = Callable[[Path], Path | str]
SlotOf = Callable[[slot.Machine], slot.Slot]

SOURCES, BUNDLE = "sources", "bundle"
_SLOT = ROOT / "build/bundle/unix"

_MISSING = "PostgreSQL is not installed: the authority's books are tested on SQLite only"

_MEMORY = Path("/dev/shm")
_ROOM = 2 * 2**30  # bytes: several times what all tests write

settings.register_profile("untimed", deadline=None)  # a busy machine fails no test
settings.load_profile("untimed")

# What takes its time in a whole folder; pyproject.toml says of each marker what it means.
_FOLDERS = {
    "crash": "crashes",
    "firmware/tools": "processes",
    "fuzz": "random",
    "micropython": "processes",
    "mutants": "mutants",
    "simulator/tools/bringup": "processes",
    "stories": "processes",
}
# And what takes its time in whatever asks for it: a bridge with its authority, a machine.
_FIXTURES = {"stopped": "processes", "machine": "chip"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--firmware",
        choices=(SOURCES, BUNDLE),
        default=SOURCES,
        help="what simulated receivers run: the sources, or the image that is built from them",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep what tests write in memory, where there is room: there no journal waits for a disk."""
    has_room = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    if has_room and "TMPDIR" not in os.environ:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)
    if config.getoption("--firmware") == BUNDLE and BUILT not in os.environ:
        slot.write(ROOT, _SLOT, slot.Machine())
        os.environ[BUILT] = str(_SLOT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker in _markers(item.path):
            item.add_marker(marker)
        for name in _FIXTURES.keys() & getattr(item, "fixturenames", ()):
            item.add_marker(_FIXTURES[name])
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@cache
def _markers(path: Path) -> list[str]:
    """Return the markers of a file's folders."""
    folders = map(str, path.relative_to(Path(__file__).parent).parents)
    return [_FOLDERS[folder] for folder in folders if folder in _FOLDERS]


def pytest_collection_finish() -> None:
    """Let no later collection of garbage look through all the tests: that is a tenth of the run."""
    gc.freeze()


def pytest_report_header() -> list[str]:
    return [f"PostgreSQL: {binaries()}", *_missing()]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for text in _missing():
        terminalreporter.write_line(text, yellow=True)


def _missing() -> list[str]:
    """What cannot be tested here, and why."""
    missing = [] if binaries() else [_MISSING]
    try:
        toolchain.require()
    except toolchain.ToolsMissingError as error:
        missing.append(f"No test runs on the RISC-V machine: {error}")
    return missing


@pytest.fixture(autouse=True)
def left_as_found() -> Iterator[None]:
    """Fail a test that changes its process for those that come after it."""
    before = _of_process()
    yield
    assert _of_process() == before


def _of_process() -> tuple[object, ...]:
    """What is logged and where, where one is, and what others may do with new files."""
    root = logging.getLogger()
    mask = os.umask(0o077)
    os.umask(mask)
    return root.manager.disable, root.level, root.handlers[:], Path.cwd(), mask


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Gives the URL of new, empty books at each call; one private server for the whole run."""
    folder = binaries()
    if folder is None:
        pytest.skip(_MISSING)
    with Cluster(folder) as cluster:
        yield cluster.new_books


@pytest.fixture(scope="session")
def machine() -> None:
    """The RISC-V machine; a test that asks for it is skipped where Debian's packages lack."""
    try:
        toolchain.require()
    except toolchain.ToolsMissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one folder of the run that all its processes have."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def slot_of(shared: Path) -> SlotOf:
    """Builds a slot of this tree's sources for a machine, once in a run; only to read."""

    def built(machine: slot.Machine) -> slot.Slot:
        folder = shared / f"slot-{machine.target}-{machine.architecture}"
        folder.mkdir(exist_ok=True)
        with image.alone(folder / "lock"):
            told = folder / "told"
            if not told.exists():
                told.write_bytes(pickle.dumps(slot.write(ROOT, folder / "a", machine)))
            return cast("slot.Slot", pickle.loads(told.read_bytes()))

    return built


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def place_of(request: pytest.FixtureRequest) -> PlaceOf:
    """Where new books of the authority are, for a directory: on each database in turn."""
    if request.param == "sqlite":
        return lambda directory: directory / "books.sqlite"
    new_books = request.getfixturevalue("postgres")
    return lambda _: new_books()
