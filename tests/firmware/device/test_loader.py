"""The loader and its slots: one trial for new firmware, and never a prompt on the line."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from firmware.device import main as loader
from firmware.device import slots
from tests.support.values.micropython import interpreter

LOADER = Path(loader.__file__)
DEADLINE_S = 20


@pytest.fixture(autouse=True)
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The board's file system; the loader works in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(**files: str) -> None:
    for name, text in files.items():
        Path(name.replace("_", ".")).write_text(text)


def present() -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(Path().glob("slot*"))}


def test_both_halves_spell_the_files_alike() -> None:
    assert (slots.SLOT, slots.TRIAL) == (loader.SLOT, loader.TRIAL)


def test_a_new_board_runs_from_its_first_directory() -> None:
    assert loader.choose() == "/a"
    assert present() == {}


def test_the_slot_in_use() -> None:
    write(slot="/b\n")
    assert loader.choose() == "/b"
    assert loader.choose() == "/b"


def test_new_firmware_is_tried_once() -> None:
    write(slot="/a", slot_next="/b")
    assert loader.choose() == "/b"
    assert present() == {"slot": "/a", "slot.trial": "/b"}
    assert loader.choose() == "/a"
    assert present() == {"slot": "/a"}


def test_new_firmware_that_is_well_stays() -> None:
    write(slot="/a", slot_next="/b")
    loader.choose()
    slots.settle()
    assert present() == {"slot": "/b"}
    assert loader.choose() == "/b"


def test_settling_without_a_trial_changes_nothing() -> None:
    slots.settle()
    write(slot="/b")
    slots.settle()
    assert present() == {"slot": "/b"}


def test_an_update_during_a_trial_is_the_next_trial() -> None:
    write(slot="/a", slot_trial="/b", slot_next="/c")
    assert loader.choose() == "/c"
    assert present() == {"slot": "/a", "slot.trial": "/c"}


def test_an_empty_update_is_none() -> None:
    write(slot="/b", slot_next="\n")
    assert loader.choose() == "/b"


def test_what_cannot_be_marked_as_tried_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would be tried again at every start."""

    def full(*_names: str) -> None:
        raise OSError(28)

    write(slot="/a", slot_next="/b")
    monkeypatch.setattr(os, "rename", full)
    assert loader.choose() == "/a"


# In the real interpreter.


def boot(text: str) -> subprocess.CompletedProcess[str]:
    """Run the loader over firmware whose `boot` module is `text`."""
    device = Path("b/firmware/device")
    device.mkdir(parents=True, exist_ok=True)
    (device / "boot.py").write_text(text)
    write(slot_next="b")
    return subprocess.run(
        [interpreter(), str(LOADER)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_the_loader_runs_the_directory_it_chose() -> None:
    ran = boot("import sys\ndef main():\n    print(sys.path[0], sys.path[1])\n")
    assert ran.stdout.split() == ["b", "b/firmware/device/lib"]
    assert ran.returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "raise ValueError('broken')\ndef main(): pass\n",
        "def main():\n    raise ValueError('broken')\n",
        "def main(:\n",
        "",
    ],
)
def test_firmware_that_does_not_start_resets_and_leaves_no_prompt(text: str) -> None:
    ran = boot(text)
    assert ran.returncode == 1
    assert "Traceback" in ran.stdout + ran.stderr
    assert ">>>" not in ran.stdout
    assert present() == {"slot.trial": "b"}
    assert loader.choose() == "/a"
