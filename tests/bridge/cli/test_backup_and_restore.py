"""`tillsign journal backup` and `tillsign journal restore`."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from bridge.journal import Journal, JournalError, disk, position_file
from bridge.journal.lives import NEW, RESTORED
from tests.support.bridge.journal_store import (
    backed_up,
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
from tests.support.bridge.journals import is_next_version, next_version, raw, verified

pytestmark = pytest.mark.processes

REFUSED = 0  # lives


# Backup: whole or not at all, beside a bridge that runs.


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


# Restore: another life of the journal, and nothing lost of what stood there.


def refused(
    capsys: pytest.CaptureFixture[str], path: Path, code: int, words: str, *arguments: object
) -> None:
    """The command fails and says so, and the store stays as it is."""
    before = tree(path.parent)
    assert run(path, *arguments) == code
    assert words in capsys.readouterr().err
    assert tree(path.parent) == before


def test_a_restored_journal_begins_a_new_life(
    path: Path, journal: Journal, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backed_up(path, journal, place)
    position, before = journal.position, tree(path.parent)
    limits = path.with_name("journal.sqlite-limits-00")
    limits.write_bytes(b"")
    capsys.readouterr()
    assert run(path, "restore", place, "--replace") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{path}: restored; entries: 10, archives: 2, closed sales: 3;")
    assert "Later sales are not in it. Start the bridge now" in said
    assert not limits.exists()
    [aside] = path.parent.glob("journal.sqlite-until-*")
    assert f"The old journal is in {aside}" in said
    stood = {name: data for name, data in before.items() if "position" not in name}
    stood.pop("journal.sqlite.lock")
    assert tree(aside) == stood
    assert position_file.read(position_file.beside(path)) == position  # a witness, and left
    assert sorted(file.name for file in path.parent.iterdir()) == [
        *("journal.archive", "journal.sqlite", "journal.sqlite-position"),
        *(aside.name, "journal.sqlite.lock"),
    ]
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(Journal.open(path)) as again:
        first, life = again.lives()
        assert (first.life, first.cause, life.cause) == (position.life, NEW, RESTORED)
        assert life.previous == first.life
        assert [entry.secret for entry in again.entries_of("open")] == [b"an open secret"]
    assert sales(path) == ["sale 1", "sale 2", "sale 3"]


def test_what_root_puts_back_belongs_to_the_bridge(
    path: Path, journal: Journal, place: Path
) -> None:
    """A person with sudo restores; the bridge's user opens it."""
    backed_up(path, journal, place)
    if not os.geteuid():
        os.chown(path.parent, 4711, 4712)
        path.with_name("journal.sqlite.lock").unlink()
    assert run(path, "restore", place, "--replace") == 0
    owner = path.parent.stat()
    new = [path, path.with_name("journal.sqlite.lock"), path.with_suffix(".archive")]
    for file in (*new, *path.with_suffix(".archive").iterdir()):
        assert (file.stat().st_uid, file.stat().st_gid) == (owner.st_uid, owner.st_gid)


@pytest.mark.usefixtures("journal")
def test_not_under_a_bridge_that_runs(
    path: Path, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(path, "backup", place) == 0
    words = f"locked by process {os.getpid()}"
    refused(capsys, path, 2, words, "restore", place, "--replace")


def test_only_what_is_to_be_replaced(
    path: Path, journal: Journal, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backed_up(path, journal, place)
    words = "--replace puts it aside and deletes nothing"
    refused(capsys, path, 2, words, "restore", place)
    path.unlink()  # the archives are there still
    assert run(path, "restore", place) == 2
    other = path.parent.with_name("another store")
    other.mkdir()
    assert run(other / "till.sqlite", "restore", place, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["journal"], told["aside"]) == (str(other / "till.sqlite"), None)
    assert sales(other / "till.sqlite") == ["sale 1", "sale 2", "sale 3"]
    with closing(Journal.open(other / "till.sqlite")) as again:
        assert [entry.kind for entry in again.entries_of("sale 1")] == ["rung"]


def nothing(place: Path) -> None:
    shutil.rmtree(place)
    place.mkdir()


def no_manifest(place: Path) -> None:
    (place / "backup.json").unlink()


def other_manifest(place: Path) -> None:
    (place / "backup.json").write_text('{"format": 1, "folder": "../elsewhere"}')


def newer_manifest(place: Path) -> None:
    text = (place / "backup.json").read_text()
    (place / "backup.json").write_text(text.replace('"format": 1', '"format": 2'))


@pytest.mark.parametrize("spoil", [nothing, no_manifest, other_manifest, newer_manifest])
def test_what_is_no_backup(
    path: Path,
    journal: Journal,
    place: Path,
    spoil: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    backed_up(path, journal, place)
    spoil(place)
    refused(capsys, path, 2, f"tillsign: {place}: ", "restore", place, "--replace")


def no_archive(copy: Path) -> None:
    (copy.with_suffix(".archive") / "000002.sqlite").unlink()


def cut_short(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:-4096])


def another(copy: Path) -> None:
    """A whole journal, but not the one that the manifest names."""
    copy.unlink()
    shutil.rmtree(copy.with_suffix(".archive"))
    with closing(Journal.open(copy)) as journal:
        sell(journal, "elsewhere")


@pytest.mark.parametrize("spoil", [no_archive, damaged_archive, damaged_index, cut_short, another])
def test_a_damaged_backup_replaces_nothing(
    path: Path,
    journal: Journal,
    place: Path,
    spoil: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    backed_up(path, journal, place)
    spoil(copied(place))
    words = f"{place}: is damaged, and nothing was changed"
    refused(capsys, path, 1, words, "restore", place, "--replace")


@pytest.mark.parametrize("crash", [False, True], ids=["full", "crash"])
def test_a_restore_that_is_cut_off_is_begun_again(root: Path, crash: bool) -> None:
    """At every step the journal is the old one, the new one, or none that a bridge would open."""
    seen = []
    for now in cuts(root, "restore", "--replace", crash=crash):
        journal = now / "store" / "journal.sqlite"
        seen.append(_opened(journal))
        if seen[-1] == REFUSED:
            assert run(journal, "restore", now / "backup") == 0
            assert sales(journal) == ["sale 1", "sale 2", "sale 3"]
        assert verified(journal).findings == []
    assert [state for state, again in pairwise([0, *seen]) if state != again] == [0, 1, REFUSED]
    assert seen.count(REFUSED) > 5


def _opened(journal: Path) -> int:
    """How many lives it has; REFUSED where a restore was not finished."""
    try:
        with closing(Journal.open(journal)) as now:
            return len(now.lives())
    except JournalError as error:
        assert "run `tillsign journal restore` again" in str(error)  # noqa: PT017
        return REFUSED


def test_a_backup_of_an_older_version(
    path: Path, place: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was whole when it was made; it is migrated before it is put in place."""
    journal.close()
    assert run(path, "backup", place) == 0
    next_version(monkeypatch)
    assert run(path, "restore", place, "--replace") == 0
    with closing(sqlite3.connect(path)) as db:
        assert is_next_version(db)
    with closing(Journal.open(path)) as again:
        assert [life.cause for life in again.lives()] == [NEW, RESTORED]
    assert verified(path).findings == []


# An older copy that was put back by hand.


def test_verify_compares_with_what_the_bridge_had_written(
    path: Path, journal: Journal, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`cp journal.sqlite` without its WAL: whole in itself, and without the newest sales."""
    place.mkdir()
    shutil.copy(path, place / path.name)
    shutil.copytree(path.with_suffix(".archive"), place / "journal.archive")
    assert run(place / path.name, "verify") == 0
    position_file.write(position_file.beside(place / path.name), journal.position)
    capsys.readouterr()
    assert run(place / path.name, "verify") == 1
    said = capsys.readouterr().out
    assert "older than what the bridge had written: it ends at entry" in said
    assert "damaged; entries:" in said
    assert run(path, "verify") == 0
