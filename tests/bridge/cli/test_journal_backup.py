"""`tillsign journal backup`: whole or not at all, beside a bridge that runs."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.journal import Journal, disk
from tests.support.bridge.journal_store import (
    copied,
    copied_by_name,
    cuts,
    damaged_archive,
    damaged_index,
    missing_archive,
    run,
    sales,
    sell,
    tree,
)
from tests.support.bridge.journals import raw, verified

pytestmark = pytest.mark.processes


@pytest.mark.usefixtures("journal")
def test_a_backup_beside_a_bridge(
    path: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that the journal has, its WAL and its archives too, and nothing beside it."""
    assert run(path, "backup", place) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{place}: backup of {path}; entries: 9, archives: 2, closed sales: 3;")
    assert "at sequence 9" in said
    assert sales(copied(place)) == ["sale 1", "sale 2", "sale 3"]
    assert verified(copied(place)).findings == []
    assert raw(copied(place)).count(b"an open secret") == 1
    modes = {stat.S_IMODE(file.stat().st_mode) for file in place.rglob("*") if file.is_file()}
    assert modes == {0o600, 0o400}
    folders = [place, *(file for file in place.rglob("*") if file.is_dir())]
    assert {stat.S_IMODE(file.stat().st_mode) for file in folders} == {0o700}
    assert {Path(name).name for name in tree(place)} == {
        *("backup.json", "journal.sqlite", "000001.sqlite", "000002.sqlite")
    }


def test_a_backup_takes_the_place_of_the_older_one(
    path: Path, journal: Journal, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(3):
        assert run(path, "backup", place, "--json") == 0
        told = json.loads(capsys.readouterr().out)
        position = journal.position
        assert (told["sequence"], told["hash"]) == (position.sequence, position.hash.hex())
        assert (told["life"], told["closed"]) == (journal.life.hex(), 3 + number)
        assert (told["directory"], told["archives"]) == (str(place), 2 + number)
        assert len(list(place.iterdir())) == 2
        sell(journal, f"sale of day {number}")
        journal.archive({"open"})


def test_what_is_archived_meanwhile_is_in_the_backup(
    path: Path, journal: Journal, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy is of one moment; an archive that a bridge makes after it is not needed."""
    copy = disk.copy

    def archiving(source: Path, target: Path, mode: int) -> None:
        sell(journal, f"after {source.name}")
        journal.archive({"open"})
        assert path.with_name(path.name + "-wal").stat().st_size == 0  # no reader is in the way
        copy(source, target, mode)

    monkeypatch.setattr(disk, "copy", archiving)
    assert run(path, "backup", place) == 0
    assert sales(copied(place)) == ["sale 1", "sale 2", "sale 3"]
    assert verified(copied(place)).findings == []
    assert len(list(copied(place).with_suffix(".archive").iterdir())) == 2


def test_beside_a_process_that_writes_and_archives(path: Path, place: Path) -> None:
    """A real writer in another process, at full speed, for several backups."""
    path.parent.mkdir()
    script = (
        "import pathlib, sys\n"
        "from bridge.journal import Journal; from tests.support.bridge.journals import closed\n"
        "journal = Journal.open(pathlib.Path(sys.argv[1])); number = 0\n"
        "while True:\n"
        "    number += 1; name = f'sale {number}'\n"
        "    journal.append(1, name, 'rung', '{}'); journal.close_sale(closed(name))\n"
        "    journal.flush()\n"
        "    if number % 5 == 0: journal.archive(set())\n"
        "    if number == 10: print(flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        counts = []
        for _ in range(4):
            assert run(path, "backup", place) == 0
            counts.append(len(sales(copied(place))))
        process.kill()
    assert counts == sorted(set(counts))
    assert counts[0] >= 10


@pytest.mark.parametrize("name", ["letter.txt", "20261122", "backup.json.old"])
@pytest.mark.usefixtures("journal")
def test_a_folder_with_something_else_in_it(
    path: Path, place: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place.mkdir()
    (place / name).write_text("of a person")
    assert run(path, "backup", place) == 2
    assert (
        f"holds {name}, which is not part of a backup; name an empty folder"
        in capsys.readouterr().err
    )
    assert list(place.iterdir()) == [place / name]


@pytest.mark.usefixtures("journal")
def test_a_folder_that_cannot_be_made(
    path: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(path, "backup", place / "in" / "nothing") == 2
    place.write_text("a file")
    assert run(path, "backup", place) == 2
    assert capsys.readouterr().err.count("cannot be created") == 2
    assert run(path.with_name("none"), "backup", path.parent / "new") == 2
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.usefixtures("journal")
def test_two_at_once(
    path: Path, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = disk.copy
    codes: list[int] = []

    def copying(source: Path, target: Path, mode: int) -> None:
        if not codes:
            codes.append(run(path, "backup", place))
        copy(source, target, mode)

    monkeypatch.setattr(disk, "copy", copying)
    assert run(path, "backup", place) == 0
    assert codes == [2]
    assert "another backup is running there" in capsys.readouterr().err


@pytest.mark.parametrize("spoil", [missing_archive, damaged_archive, damaged_index])
def test_what_is_damaged_takes_no_good_backups_place(
    path: Path,
    journal: Journal,
    place: Path,
    spoil: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(path, "backup", place) == 0
    before = tree(place)
    journal.close()
    spoil(path)
    assert run(path, "backup", place) == 1
    assert capsys.readouterr().err.startswith("tillsign: ")
    assert tree(place) == before


@pytest.mark.parametrize("crash", [False, True], ids=["full", "crash"])
def test_a_backup_that_is_cut_off_leaves_the_older_one(root: Path, crash: bool) -> None:
    """At every step there is one whole backup; and the next one takes its place."""
    seen = []
    for now in cuts(root, "backup", crash=crash):
        named = copied_by_name(now / "backup")
        assert verified(named).findings == []
        seen.append(len(sales(named)))
        assert run(now / "store" / "journal.sqlite", "backup", now / "backup") == 0
        assert len(sales(copied(now / "backup"))) == 5
        assert len(list((now / "backup").iterdir())) == 2
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (3, 5)
    assert len(seen) > 15
