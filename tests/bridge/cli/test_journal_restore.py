"""`tillsign journal restore`: another life of the journal, and nothing lost of what stood there."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from bridge.journal import Journal, JournalError, position_file
from bridge.journal.lives import NEW, RESTORED
from tests.support.bridge.journal_store import (
    backed_up,
    copied,
    cuts,
    damaged_archive,
    damaged_index,
    run,
    sales,
    sell,
    tree,
)
from tests.support.bridge.journals import is_next_version, next_version, verified

pytestmark = pytest.mark.processes

REFUSED = 0  # lives


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
    before = tree(path.parent)
    assert run(path, "restore", place, "--replace") == 2
    assert f"locked by process {os.getpid()}" in capsys.readouterr().err
    assert tree(path.parent) == before


def test_only_what_is_to_be_replaced(
    path: Path, journal: Journal, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backed_up(path, journal, place)
    before = tree(path.parent)
    assert run(path, "restore", place) == 2
    assert "--replace puts it aside and deletes nothing" in capsys.readouterr().err
    assert tree(path.parent) == before
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
    before = tree(path.parent)
    spoil(place)
    assert run(path, "restore", place, "--replace") == 2
    assert f"tillsign: {place}: " in capsys.readouterr().err
    assert tree(path.parent) == before


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
    before = tree(path.parent)
    spoil(copied(place))
    assert run(path, "restore", place, "--replace") == 1
    assert f"{place}: is damaged, and nothing was changed" in capsys.readouterr().err
    assert tree(path.parent) == before


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
