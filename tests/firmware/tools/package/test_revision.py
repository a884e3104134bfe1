"""The commit of a checkout, and whether its sources are that commit's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from firmware.tools.package import revision


def git(root: Path, *arguments: str) -> str:
    who = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    command = ["git", *who, "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "firmware").mkdir()
    (tmp_path / "firmware" / "one.py").write_text("one")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "One.")
    return tmp_path


def test_a_clean_checkout_is_its_commit(checkout: Path) -> None:
    commit = bytes.fromhex(git(checkout, "rev-parse", "HEAD"))
    assert revision.of(checkout) == revision.Revision(commit, 1, is_dirty=False)
    (checkout / "notes").write_text("of no part of the firmware")
    assert not revision.of(checkout).is_dirty


@pytest.mark.parametrize("name", ["one.py", "new.py"])
def test_a_changed_or_new_source_is_seen(checkout: Path, name: str) -> None:
    (checkout / "firmware" / name).write_text("two")
    assert revision.of(checkout).is_dirty


def test_a_history_cut_short_has_no_count(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    git(checkout, "commit", "-q", "--allow-empty", "-m", "Two.")
    place = tmp_path_factory.mktemp("shallow") / "clone"
    git(checkout, "clone", "-q", "--depth", "1", f"file://{checkout}", str(place))
    assert revision.of(place).number == 0
    assert revision.of(checkout).number == 2


def test_no_checkout_is_said(tmp_path: Path) -> None:
    with pytest.raises(revision.RevisionError, match="not a checkout"):
        revision.of(tmp_path / "nowhere")
