"""An image of ours is flashed with its release, which states what it was built with."""

from __future__ import annotations

import asyncio
import json
from hashlib import sha256
from pathlib import Path

import pytest
from esptool.targets import CHIP_DEFS

from bridge.cli.main import main
from firmware.tools.compile import ROOT
from firmware.tools.flash import errors, flash
from firmware.tools.flash.errors import FlashError
from firmware.tools.flash.plan import Found, plan
from firmware.tools.package import partition_table
from firmware.tools.package.build import Built
from firmware.tools.package.own_image import CHIPS
from simulator.hardware.board import stand_in
from simulator.hardware.board.board import BoardConfig, SimulatedBoard
from tests.support.world import own_image
from tests.support.world.simulated import release

PROGRAM = own_image.program()
NVS, NVS_END = 0x9000, 0xD000
FIRMWARE_BIN = "firmware.bin"


@pytest.fixture(scope="module")
def folder() -> Path:
    return own_image.released()[0]


@pytest.fixture(scope="module")
def built() -> Built:
    return own_image.released()[1]


def refused(code: str) -> pytest.RaisesContext[FlashError]:  # type: ignore[name-defined]
    return pytest.raises(FlashError, check=lambda error: error.code == code)


async def test_a_chip_without_psram_gets_every_byte_and_keeps_its_key(
    tmp_path: Path, folder: Path, built: Built
) -> None:
    planned = plan(folder / FIRMWARE_BIN, built.folder, [])
    whole, image = (folder / FIRMWARE_BIN).read_bytes(), built.image.read_bytes()
    async with SimulatedBoard(tmp_path, BoardConfig(chip="esp32c3", psram_mb=0)) as board:
        await board.cut_power()
        board.flash.write(NVS, b"a key")
        board.flash.write(0xD000, b"the other slot is in use")
        await board.power_up()
        done = await asyncio.to_thread(flash.write, board.url, planned)
        assert done.found[:2] == ("esp32c3", 4)
        assert all(segment.written for segment in done.segments)
        again = await asyncio.to_thread(flash.write, board.url, planned)
        assert not any(segment.written for segment in again.segments)
        await board.cut_power()
        assert board.flash.read(0, NVS) == whole[:NVS]
        assert board.flash.read(NVS, NVS_END - NVS) == b"a key".ljust(NVS_END - NVS, b"\xff")
        assert board.flash.read(NVS_END, len(whole) - NVS_END) == whole[NVS_END:]
        assert board.flash.read(0x10000, len(PROGRAM)) == PROGRAM
        assert board.flash.read(built.address, len(image)) == image


async def test_the_command_takes_image_and_release(
    tmp_path: Path, folder: Path, built: Built, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--micropython", str(folder / FIRMWARE_BIN), "--build", str(built.folder)]
    async with SimulatedBoard(tmp_path, BoardConfig(chip="esp32c3")) as board:
        command = ["firmware", "flash", "--port", board.url, *arguments, "--dry-run", "--json"]
        assert await asyncio.to_thread(main, command) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["firmware_hash"] == built.firmware_hash
    assert [each["address"] for each in told["boards"][0]["segments"]] == [
        0,
        NVS_END,
        built.address,
    ]


def test_it_is_for_the_chip_of_its_release_with_that_flash_or_more(
    folder: Path, built: Built
) -> None:
    planned = plan(folder / FIRMWARE_BIN, built.folder, [])
    planned.check(Found("esp32c3", 4, 0))
    planned.check(Found("esp32c3", 16, None))
    with refused(errors.WRONG_CHIP):
        planned.check(Found("esp32c6", 4, None))
    with refused(errors.FLASH_TOO_SMALL):
        planned.check(Found("esp32c3", 2, None))


def test_the_segments_lie_apart(folder: Path, built: Built) -> None:
    segments = plan(folder / FIRMWARE_BIN, built.folder, []).segments
    places = [(one.address, one.end) for one in segments]
    assert places[0] == (0, NVS)
    assert places[1][0] == NVS_END
    assert places[1][1] <= places[2][0] == built.address
    assert places[2][1] == 4 << 20


def test_only_the_image_that_the_release_states(tmp_path: Path, folder: Path, built: Built) -> None:
    files = stand_in.write(tmp_path)
    with refused(errors.WRONG_IMAGE) as caught:
        plan(files.image, built.folder, [files.table])
    assert "give the firmware.bin" in str(caught.value)
    with refused(errors.WRONG_IMAGE):
        plan(folder / "micropython.bin", built.folder, [])
    with refused(errors.WRONG_IMAGE):
        plan(tmp_path / "none", built.folder, [])
    with refused(errors.WRONG_IMAGE):
        plan(folder / FIRMWARE_BIN, release().folder, [files.table])


@pytest.mark.parametrize(
    ("key", "change"),
    [("image", {"address": 0x200000}), ("micropython", {"address": 0x1000})],
)
def test_a_release_whose_places_were_changed(
    tmp_path: Path, folder: Path, built: Built, key: str, change: dict[str, int]
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    told = json.loads((built.folder / "release.json").read_text())
    told[key].update(change)
    (copy / "release.json").write_text(json.dumps(told))
    (copy / "image.bin").write_bytes(built.image.read_bytes())
    with refused(errors.WRONG_BUILD):
        plan(folder / FIRMWARE_BIN, copy, [])


def test_an_image_that_reaches_into_the_file_system(
    tmp_path: Path, folder: Path, built: Built
) -> None:
    data = partition_table.named("vfs", partition_table.stated(ROOT))
    assert data
    long = (folder / FIRMWARE_BIN).read_bytes().ljust(data.start + 1, b"\0")
    told = json.loads((built.folder / "release.json").read_text())
    told["micropython"].update(size=len(long), sha256=sha256(long).hexdigest())
    (tmp_path / "release.json").write_text(json.dumps(told))
    (tmp_path / "image.bin").write_bytes(built.image.read_bytes())
    (tmp_path / FIRMWARE_BIN).write_bytes(long)
    with refused(errors.WRONG_BUILD) as caught:
        plan(tmp_path / FIRMWARE_BIN, tmp_path, [])
    assert "inside the file system" in str(caught.value)


@pytest.mark.parametrize("chip", CHIPS)
def test_chips_are_those_that_esptool_knows(chip: str) -> None:
    known = CHIP_DEFS[chip]
    assert CHIPS[chip] == (known.IMAGE_CHIP_ID, known.BOOTLOADER_FLASH_OFFSET)
