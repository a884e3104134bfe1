"""What a technician is told where a board cannot be flashed: each by its name, with a remedy."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from bridge.lines.usb_lookup import Present
from firmware.tools.flash import after_reset, errors, flash, images, ports
from firmware.tools.flash.errors import FlashError
from firmware.tools.flash.plan import Found, Plan, plan
from simulator.hardware.board import stand_in
from simulator.hardware.board.board import BoardConfig, SimulatedBoard
from simulator.hardware.serial_line.terminal import Terminal
from tests.support.world.simulated import flashed, release

SOON_S = 6.0


def refused(code: str) -> pytest.RaisesContext[FlashError]:  # type: ignore[name-defined]
    return pytest.raises(FlashError, check=lambda error: error.code == code)


def test_no_port() -> None:
    with refused(errors.NO_PORT):
        ports.check("/dev/ttyNONE0")
    with refused(errors.NO_PORT):
        ports.boards(lambda: [Present("/dev/ttyS0", None)])
    here = Present("/dev/ttyUSB0", "x", usb=(0x10C4, 0xEA60))
    assert ports.boards(lambda: [here, Present("/dev/ttyS0", None)]) == ["/dev/ttyUSB0"]


def test_a_busy_port_and_by_whom() -> None:
    """Another program has it open."""
    with closing(Terminal()) as terminal:
        program = "import sys; f = open(sys.argv[1]); print(1, flush=True); sys.stdin.read()"
        command = [sys.executable, "-c", program, terminal.path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout
            other.stdout.readline()
            with refused(errors.PORT_BUSY) as caught:
                ports.check(terminal.path)
            assert str(other.pid) in str(caught.value)
            other.communicate()


def test_permission_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "ttyUSB0"
    device.touch(0)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may open anything
    with refused(errors.PERMISSION) as caught:
        ports.check(str(device))
    assert "ATTRS{idVendor}" in str(caught.value)
    assert "usermod" in str(caught.value)


def test_nothing_listens_there(planned: Plan) -> None:
    import asyncio

    with refused(errors.NO_PORT):
        asyncio.run(flash.flash("rfc2217://127.0.0.1:9", planned))


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (Found("esp32c3", 4, None), errors.WRONG_CHIP),
        (Found("esp32s3", 2, 8), errors.FLASH_TOO_SMALL),
        (Found("esp32s3", 8, 8), errors.WRONG_BUILD),
        (Found("esp32s3", 4, 0), errors.NO_PSRAM),
        (Found("esp32s3", 4, 2), errors.NO_PSRAM),
    ],
    ids=["chip", "small", "large", "no PSRAM", "PSRAM of the other kind"],
)
def test_a_board_that_may_not_have_it(planned: Plan, found: Found, code: str) -> None:
    image = msgspec.structs.replace(planned.image, needs_psram=True, psram="octal")
    with refused(code):
        planned._replace(image=image).check(found)
    planned._replace(image=image).check(Found("esp32s3", 4, 8))
    planned._replace(image=image).check(Found("esp32s3", 4, None))  # seen after its start


async def test_a_wrong_chip_gets_nothing(tmp_path: Path, planned: Plan) -> None:
    async with SimulatedBoard(tmp_path, BoardConfig(chip="esp32")) as board:
        with refused(errors.WRONG_CHIP):
            await flash.flash(board.url, planned)
        assert set(board.flash.path.read_bytes()) == {0xFF}


def test_an_image_that_is_not_supported(tmp_path: Path) -> None:
    file = tmp_path / "ESP32_GENERIC_S3-20260824-v1.29.0.bin"
    file.write_bytes(b"half a download")
    build = release().folder
    with refused(errors.WRONG_IMAGE) as caught:
        plan(file, build, [])
    assert "download it again" in str(caught.value)
    other = tmp_path / "other.bin"
    other.write_bytes(b"\xe9")
    with refused(errors.WRONG_IMAGE) as caught:
        plan(other, build, [])
    assert "ESP32_GENERIC_S3" in str(caught.value)
    with refused(errors.WRONG_IMAGE):
        plan(tmp_path / "none.bin", build, [])
    (tmp_path / "bad.toml").write_text("[[image]]\nname = 1\n")
    with refused(errors.WRONG_IMAGE):
        plan(other, build, [tmp_path / "bad.toml"])


def test_a_build_that_was_changed(tmp_path: Path, files: stand_in.Files) -> None:
    with refused(errors.WRONG_BUILD):
        plan(files.image, tmp_path, [files.table])
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("release.json", "image.bin"):
        (copy / name).write_bytes((release().folder / name).read_bytes())
    data = bytearray((copy / "image.bin").read_bytes())
    data[5000] ^= 1
    (copy / "image.bin").write_bytes(data)
    with refused(errors.WRONG_BUILD) as caught:
        plan(files.image, copy, [files.table])
    assert "build it anew" in str(caught.value)


async def test_a_reset_loop(tmp_path: Path) -> None:
    async with SimulatedBoard(tmp_path) as board:
        with refused(errors.RESET_LOOP):
            await after_reset.hello(board.url, SOON_S)


async def test_a_wrong_rate(tmp_path: Path) -> None:
    """As of a board whose crystal has 26 MHz and its image expects 40."""
    async with flashed(tmp_path, BoardConfig(rate=74_880)) as board:
        with refused(errors.WRONG_BAUD):
            await after_reset.hello(board.url, SOON_S)


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"E (216) quad_psram: PSRAM chip not found or not supported\r\n", errors.NO_PSRAM),
        (b"The filesystem appears to be corrupted. If you had", errors.WRONG_BUILD),
        (b"MicroPython v1.29.0\r\n>>> ", errors.WRONG_BUILD),
        (b"", errors.SILENT),
    ],
)
def test_what_a_board_says_instead_of_hello(said: bytes, code: str) -> None:
    assert after_reset.judged("port", said, "nothing came").code == code


def test_the_table_of_images_is_whole() -> None:
    found = images.table(images.TABLE)
    assert len({image.sha256 for image in found}) == len(found) > 0
    for image in found:
        assert len(bytes.fromhex(image.sha256)) == 32
        assert image.source
