"""A slot is the same, byte for byte, wherever and whenever it is built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from firmware.device import version
from firmware.tools.bundle import boards, mpy, slot
from simulator.world.receiver_command import PACKAGES, ROOT


def test_it_is_reproducible(tmp_path: Path) -> None:
    """From a copy of the tree, in another process with other hashes."""
    first = slot.write(ROOT, tmp_path / "first", slot.Machine("esp32", "rv32imc"))
    copy = tmp_path / "copy"
    for package in (*PACKAGES, "firmware/tools"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, copy / package, ignore=ignored)
    (copy / "build").symlink_to(ROOT / "build")
    subprocess.run(
        [sys.executable, "-m", "firmware.tools.bundle", "--target", "esp32", "second"],
        cwd=copy,
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": str(copy)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert version.measure(str(copy / "second")).hex() == first.firmware_hash
    assert (copy / "second.names.json").read_text() == first.name_map.read_text()


@pytest.mark.parametrize("target", slot.ARCHITECTURES)
def test_no_platform_is_in_an_image_of_the_other(tmp_path: Path, target: str) -> None:
    architecture = slot.ARCHITECTURES[target][0]
    slot.write(ROOT, tmp_path / "a", slot.Machine(target, architecture))
    names = mpy.names((tmp_path / "a/tillsign.mpy").read_bytes())
    assert ("termios" in names, "esp32" in names) == (target == "unix", target == "esp32")


def test_one_board_alone_is_smaller(tmp_path: Path) -> None:
    known = boards.boards(ROOT)
    assert {board.architecture for board in known.values()} == set(slot.ARCHITECTURES["esp32"])
    name = "esp32-c3-devkitm-1"
    every = slot.write(ROOT, tmp_path / "a", slot.Machine("esp32", "rv32imc"))
    one = slot.Machine("esp32", "rv32imc", boards.others(ROOT, name))
    assert sum(slot.write(ROOT, tmp_path / "b", one).sizes.values()) < sum(every.sizes.values())
