"""A slot is the same, byte for byte, wherever and whenever it is built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from firmware.device import version
from firmware.tools.bundle import boards, frozen, program, slot
from receiver.host.name_map import NameMap
from simulator.world.receiver_command import PACKAGES, ROOT
from tests.conftest import SlotOf

CHIP = slot.Machine("esp32", "rv32imc")


def test_it_is_reproducible(tmp_path: Path, slot_of: SlotOf) -> None:
    """From a copy of the tree, in another process with other hashes."""
    first = slot_of(CHIP)
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


def test_a_frozen_image_knows_its_hash(tmp_path: Path) -> None:
    """The same each time; its files name the build, and what they are made of."""
    first, second = (frozen.write(ROOT, tmp_path / name, CHIP) for name in "ab")
    assert first == second != bytes(8)
    texts = [path.read_text() for path in (tmp_path / "a").rglob("*.py")]
    assert sum(repr(first) in text for text in texts) == 3  # what sells, and both of service mode
    names = NameMap.load(tmp_path / "a.names.json")
    assert names.firmware_hash == first.hex()
    assert (
        f"from t{names.build} import main" in (tmp_path / "a/firmware/device/boot.py").read_text()
    )
    for path in (tmp_path / "a").rglob("*.py"):
        assert path.read_text() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_text()


def test_a_known_value_takes_the_place_of_the_modules(tmp_path: Path) -> None:
    package = tmp_path / "firmware/device"
    package.mkdir(parents=True)
    (package / "version.py").write_text(
        "FROZEN_HASH = b''\ndef measure():\n    return FROZEN_HASH or 1\n"
    )
    (package / "boot.py").write_text(
        "from firmware.device import version\ndef main():\n    print(version.measure())\n"
    )
    made = program.firmware(tmp_path, "unix", known={frozen.HASH: b"hash"})
    assert "b'hash' or 1" in made.text
    assert "b'' or 1" in program.firmware(tmp_path, "unix").text


@pytest.mark.parametrize("target", slot.ARCHITECTURES)
def test_no_platform_is_in_an_image_of_the_other(target: str) -> None:
    text = program.firmware(ROOT, target).text
    found = [f"import {name} as " in text for name in ("termios", "esp32")]
    assert found == [target == "unix", target == "esp32"]


def test_one_board_alone_is_smaller(tmp_path: Path, slot_of: SlotOf) -> None:
    known = boards.boards(ROOT)
    assert {board.architecture for board in known.values()} == set(slot.ARCHITECTURES["esp32"])
    name = "esp32-c3-devkitm-1"
    one = slot.Machine("esp32", "rv32imc", boards.others(ROOT, name))
    assert sum(slot.write(ROOT, tmp_path / "a", one).sizes.values()) < sum(
        slot_of(CHIP).sizes.values()
    )


def test_the_map_of_a_slot(slot_of: SlotOf) -> None:
    """It names every function of the image by file and line."""
    made = slot_of(slot.Machine())
    found = NameMap.load(made.name_map)
    assert (found.build, found.firmware_hash) == (made.build, made.firmware_hash)
    for places in found.functions.values():
        for name, file, line in places:
            lines = (ROOT / file).read_text().splitlines()
            near = "\n".join(lines[line - 1 : line + 2])  # behind its decorators
            assert f"def {name.split('.')[-1]}(" in near
