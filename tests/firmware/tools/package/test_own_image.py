"""A release of an image of ours: what is in it, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from bridge.cli.main import main
from firmware.device.boards import choice
from firmware.tools.compile import ROOT
from firmware.tools.package import file_system, partition_table, targets
from firmware.tools.package.build import BuildError, Built, Options, build
from firmware.tools.package.own_image import ImageError, read
from receiver.host.name_map import NameMap
from receiver.protocol import firmware
from tests.support.world import own_image

PROGRAM = own_image.program()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("image") / "TILLSIGN_C3"
    return own_image.write(place, PROGRAM, own_image.whole(PROGRAM))


@pytest.fixture(scope="module")
def built(folder: Path) -> Built:
    options = Options(release=7, version="1.2.3", dirty=True, locked=True, image=folder)
    return build(own_image.C3, folder.parent / "release", options)


def test_the_slot_has_the_image_alone(built: Built) -> None:
    manifest = firmware.decode(built.payload)
    digest = sha256(PROGRAM).digest()
    assert manifest.files == (firmware.File("micropython.bin", len(PROGRAM), digest),)
    assert manifest.board_class == "esp32c3-image"
    assert [path.name for path in built.slot.iterdir()] == ["micropython.bin"]
    assert (built.slot / "micropython.bin").read_bytes() == PROGRAM
    assert built.over_budget == []
    assert [budget.most for budget in built.budgets] == [1728 * 1024]


def test_the_file_system_says_which_board_it_is_and_that_its_image_is_whole(built: Built) -> None:
    """The loader is in the image; without `slot` it runs `/a`, whose files are the partition's."""
    image = built.image.read_bytes()
    assert file_system.unpacked(image) == {
        "/board": f"{own_image.C3} locked".encode(),
        "/a/manifest": built.payload,
    }
    data = partition_table.named("vfs", partition_table.stated(ROOT))
    assert data
    assert (built.address, len(image)) == (data.start, data.size)


def test_what_people_and_flashing_are_told(built: Built, folder: Path) -> None:
    told = json.loads((built.folder / "release.json").read_text())
    whole = (folder / "firmware.bin").read_bytes()
    assert told["micropython"] == {
        "address": 0,
        "size": len(whole),
        "sha256": sha256(whole).hexdigest(),
    }
    assert told["image"]["address"] == built.address
    assert (told["chip"], told["flash_mb"]) == ("esp32c3", 4)
    assert told["firmware_hash"] == own_image.frozen_hash().hex()
    names = NameMap.load(built.folder / "firmware.names.json")
    assert names.firmware_hash == told["firmware_hash"]
    assert names.functions


@pytest.mark.parametrize("board", [name for name in targets.names(ROOT) if name != targets.UNIX])
def test_each_board_asks_for_the_class_that_is_built(board: str) -> None:
    target = targets.of_image(ROOT, board)
    machine = f"Tillsign {target.chip.upper()} module with {target.chip.upper()}"
    assert choice.board_class(machine, image=True) == target.board_class
    assert len(target.board_class) <= firmware.BOARD_CLASS_MOST


WHOLE = own_image.whole(PROGRAM)
OTHER = own_image.program(size=50_000)
TOO_LONG = own_image.program(size=1728 * 1024 + 1)


def _changed(at: int) -> bytes:
    return WHOLE[:at] + b"\0" + WHOLE[at + 1 :]


@pytest.mark.parametrize(
    ("program", "whole", "why"),
    [
        (TOO_LONG, WHOLE, "a slot of firmware/image/partitions.csv"),
        (OTHER, WHOLE, "does not hold micropython.bin"),
        (PROGRAM, WHOLE + b"more", "does not hold micropython.bin"),
        (PROGRAM, _changed(partition_table.TABLE + 5), "was not built with"),
        (PROGRAM, _changed(0x9000 + 100), "receiver's key"),
        (own_image.program("esp32c6"), own_image.whole(PROGRAM, "esp32c6"), "is for an esp32c6"),
        (b"\x7fELF" + PROGRAM, WHOLE, "no image for a chip"),
        (b"", b"", "no image for a chip"),
    ],
    ids=["long", "other", "after", "table", "key", "chip", "no image", "empty"],
)
def test_an_image_that_is_refused(tmp_path: Path, program: bytes, whole: bytes, why: str) -> None:
    own_image.write(tmp_path, program, whole)
    with pytest.raises(ImageError, match=why):
        read(ROOT, tmp_path, "esp32c3")


def _remove(place: Path) -> None:
    (place / "SHA256SUMS").unlink()


def _cut(place: Path) -> None:
    (place / "micropython.bin").write_bytes(PROGRAM[:-1])


def _garble(place: Path) -> None:
    (place / "SHA256SUMS").write_bytes(b"\xff\n" * 3)


def _unlist(place: Path) -> None:
    (place / "SHA256SUMS").write_text(f"{sha256(WHOLE).hexdigest()}  firmware.bin\n\nx\n")


@pytest.mark.parametrize("harm", [_remove, _cut, _garble, _unlist])
def test_files_that_are_not_what_their_sums_say(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    own_image.write(tmp_path, PROGRAM, WHOLE)
    assert read(ROOT, tmp_path, "esp32c3").program == PROGRAM
    harm(tmp_path)
    with pytest.raises(ImageError, match="firmware/image/build"):
        read(ROOT, tmp_path, "esp32c3")


def test_a_first_esp32_is_written_from_its_own_address(tmp_path: Path) -> None:
    program = own_image.program("esp32", 40_000)
    own_image.write(tmp_path, program, own_image.whole(program, "esp32"))
    assert read(ROOT, tmp_path, "esp32").address == 0x1000


def test_an_image_of_other_sources_is_refused(tmp_path: Path) -> None:
    program = own_image.program(size=40_000, firmware=bytes(8))
    own_image.write(tmp_path / "image", program, own_image.whole(program))
    options = Options(release=7, dirty=True, image=tmp_path / "image")
    with pytest.raises(BuildError, match="check the image's commit out"):
        build(own_image.C3, tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


def test_the_command_builds_the_same_again(
    built: Built, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--release", "7", "--version", "1.2.3", "--dirty", "--locked", "--json"]
    out = tmp_path / "again"
    command = ["firmware", "build", "--board", own_image.C3, "--image", str(folder)]
    assert main([*command, *words, "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["over_budget"] == []
    for path in built.folder.rglob("*.*"):
        assert (out / path.relative_to(built.folder)).read_bytes() == path.read_bytes()


def test_the_command_says_what_cannot_be(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--release", "7", "--dirty", "--image", str(folder), "--out", str(tmp_path / "out")]
    command = ["firmware", "build", *common, "--board"]
    assert main([*command, "unix"]) == 1
    assert "no image of ours" in capsys.readouterr().out
    assert main([*command, own_image.C3, "--flash-size", "16"]) == 1
    assert "4 MB of flash" in capsys.readouterr().out
    assert main([*command, "esp32-c6-devkitc-1"]) == 1
    assert "is for an esp32c3" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
