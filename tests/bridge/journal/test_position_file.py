"""The file that says how far the journal has come: written beside it, believed only if whole."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.journal import Journal, Position, ReplacedError, position_file

POSITION = Position(bytes(range(16)), 4711, bytes(range(32)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return position_file.beside(tmp_path / "journal.sqlite")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with closing(Journal.open(tmp_path / "journal.sqlite")) as journal:
        yield journal


def test_what_was_written_is_read(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert path.name == "journal.sqlite-position"
    assert position_file.read(path) is None
    for position in (POSITION, POSITION._replace(sequence=0), POSITION._replace(sequence=2**59)):
        position_file.write(path, position)
        assert position_file.read(path) == position
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert caplog.records == []  # a file that is not there yet is nothing to speak of


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\xff" * 100,
        b"another file\n" * 100,
        b"tillsign-position 1 00 1 00 00\n",
    ],
)
def test_another_file_counts_as_none(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(content)
    assert position_file.read(path) is None
    assert "position not read" in caplog.messages


def test_a_damaged_one_counts_as_none(path: Path) -> None:
    position_file.write(path, POSITION)
    whole = path.read_bytes()
    for at in range(len(whole)):
        for wrong in (whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]):
            path.write_bytes(wrong)
            assert position_file.read(path) is None
    path.write_bytes(whole + b"\n")
    assert position_file.read(path) is None
    path.unlink()
    path.mkdir()
    assert position_file.read(path) is None


class Watched:
    """The writing of the file, each try of which can be waited for."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.tries: asyncio.Queue[Position] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._write = position_file.write
        patch.setattr(position_file, "LAG_S", 0)
        patch.setattr(position_file, "write", self.write)

    def write(self, path: Path, position: Position) -> None:
        try:
            self._write(path, position)
        finally:
            self._loop.call_soon_threadsafe(self.tries.put_nowait, position)


async def test_each_new_position_is_kept(
    journal: Journal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    keeping = asyncio.create_task(position_file.keep(journal, path))
    assert await watched.tries.get() == journal.position
    for kind in ("rung", "offered"):
        journal.note(1, "sale", kind, "{}")  # not on the disk: nothing to keep
        for _ in range(10):
            await asyncio.sleep(0)
        journal.flush()
        assert await watched.tries.get() == journal.position == position_file.read(path)
    assert watched.tries.empty()
    keeping.cancel()


async def test_without_room_it_is_said_once_and_tried_again(
    journal: Journal,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    watched = Watched(monkeypatch)
    os.mkdir(path)  # noqa: PTH102
    keeping = asyncio.create_task(position_file.keep(journal, path))
    for _ in range(3):
        await watched.tries.get()
    assert caplog.messages == ["position not written"]
    os.rmdir(path)  # noqa: PTH106
    while await watched.tries.get() != position_file.read(path):
        pass
    keeping.cancel()


async def test_a_journal_that_was_replaced_ends_it(journal: Journal, path: Path) -> None:
    """Within LAG_S, whether anything is sold or not."""
    os.rename(path.with_name("journal.sqlite"), path.with_name("away"))  # noqa: PTH104
    with pytest.raises(ReplacedError, match=r"journal\.sqlite: was moved, replaced or removed"):
        await position_file.keep(journal, path)
    assert position_file.read(path) is None
