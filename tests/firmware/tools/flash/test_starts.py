"""What was flashed starts: 32-bit MicroPython runs from the very bytes in a board's flash."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import time
from hashlib import sha256
from pathlib import Path

import pytest

from firmware.tools.bundle import frozen
from firmware.tools.compile import ROOT
from firmware.tools.flash import flash
from firmware.tools.flash.plan import plan
from firmware.tools.package import targets
from firmware.tools.package.build import Built, Options, build
from receiver import reasons
from receiver.encoding import schema
from receiver.link import link, wire
from simulator.hardware.board import stand_in
from simulator.hardware.board.board import BoardConfig, SimulatedBoard
from simulator.hardware.radio.server import Radio
from simulator.hardware.rv32 import image, receiver
from simulator.hardware.rv32.qemu import C3_POOL, QemuBoard
from tests.support.world import own_image

FROZEN = image.BUILD / "image"  # sources frozen into an image for every board
BOARD, CHIP, BOARD_CLASS = "esp32-c3-devkitm-1", "esp32c3", "esp32c3-littlefs"
POOL = 300_000  # more than a C3 has: compiled files are loaded into memory (docs/hardware.md)
PATIENCE_S = 60
WRONG_CHIP = "wrong_image"  # files and machine agree but for the board that the files name
OWN = schema.encode(wire.BRIDGE_HELLO, wire.BridgeHello(1, 1, b"bridge01", 7))


def heard(argv: list[str], place: Path) -> wire.ReceiverHello:
    """Start a machine, and return what its HELLO says."""
    end = link.Link(b"host", OWN, host=True)
    with subprocess.Popen(argv, cwd=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as board:
        assert board.stdin
        assert board.stdout
        said = bytearray()
        try:
            until = time.monotonic() + PATIENCE_S
            while (now_s := time.monotonic()) < until:
                now = int(now_s * 1000)
                if select.select([board.stdout], [], [], 0.05)[0]:
                    data = os.read(board.stdout.fileno(), 4096)
                    said += data
                    end.receive(data, now)
                due = end.deadline()
                if due is not None and due <= now:
                    end.expire(now)
                while (event := end.poll()) is not None:
                    if isinstance(event, link.Up):
                        hello: wire.ReceiverHello = schema.decode(
                            wire.RECEIVER_HELLO, event.hello, wire.ReceiverHello
                        )
                        return hello
                while data := end.transmit(now):
                    board.stdin.write(data)
                    board.stdin.flush()
            raise AssertionError(f"no HELLO: {bytes(said[-2000:])!r}")
        finally:
            board.kill()


def stood_in(folder: Path) -> stand_in.Files:
    """Stands for an image of this chip, in a table of a technician's own.

    The simulated board cannot start it, so that the files stay as they were flashed.
    """
    made = stand_in.write(folder)
    before = made.image.read_bytes()
    data = before[:-1] + bytes([before[-1] ^ 1])
    made.image.write_bytes(data)
    text = made.table.read_text()
    for old, new in (
        (sha256(before).hexdigest(), sha256(data).hexdigest()),
        (stand_in.BOARD_CLASS, BOARD_CLASS),
        (f'"{stand_in.CHIP}"', f'"{CHIP}"'),
    ):
        text = text.replace(old, new)
    made.table.write_text(text)
    return made


async def flashed(folder: Path, built: Built, files: stand_in.Files) -> bytes:
    """What lies in the partition for files once the release was flashed."""
    planned = plan(files.image, built.folder, [files.table])
    async with SimulatedBoard(folder, BoardConfig(chip=CHIP)) as board:
        await asyncio.to_thread(flash.write, board.url, planned)
        await board.cut_power()
        return board.flash.read(built.address, built.image.stat().st_size)


async def hello_of(interpreter: Path, files: Path, pool: int, heap: int = 0) -> wire.ReceiverHello:
    """What a machine with these files says."""
    async with Radio() as radio:
        place = await radio.receiver(sha256(b"receiver").digest()[:8])
        machine = QemuBoard(interpreter, files, (pool,), place.endpoint, heap=heap)
        return await asyncio.to_thread(heard, machine.argv(), files.parent)


@pytest.mark.usefixtures("machine")
async def test_the_files_that_were_flashed_start_on_32_bits(tmp_path: Path) -> None:
    built = build(BOARD, tmp_path / "release", Options(release=7, dirty=True))
    files = tmp_path / "flash"
    files.write_bytes(await flashed(tmp_path, built, stood_in(tmp_path)))
    assert files.read_bytes() == built.image.read_bytes()
    hello = await hello_of(image.stock(), files, POOL)
    assert hello.firmware_hash.hex() == built.firmware_hash
    assert hello.interpreter_version.startswith("1.25")
    assert reasons.name(hello.fault) == WRONG_CHIP


def frozen_program() -> Path:
    """MicroPython for the machine, with the firmware frozen as into an image for any board."""
    image.BUILD.mkdir(parents=True, exist_ok=True)
    with image.alone(FROZEN.with_name("image-lock")):
        frozen.write(ROOT, FROZEN, targets.of_image(ROOT, BOARD).machine)
    return image.built("frozen-image", FROZEN)


@pytest.mark.long
@pytest.mark.usefixtures("machine")
async def test_an_image_of_ours_starts_with_the_files_of_its_release(tmp_path: Path) -> None:
    """The build finds the hash in a real image, which states the same once it runs."""
    interpreter = frozen_program()
    program = own_image.header(CHIP) + interpreter.read_bytes()
    folder = own_image.write(tmp_path / "image", program, own_image.whole(program))
    built = build(BOARD, tmp_path / "release", Options(release=7, dirty=True, image=folder))
    made = stand_in.Files(folder / "firmware.bin", stand_in.write(tmp_path).table)
    files = tmp_path / "flash"
    files.write_bytes(await flashed(tmp_path, built, made))
    assert files.read_bytes() == built.image.read_bytes()
    hello = await hello_of(interpreter, files, C3_POOL, receiver.FIRST_HEAP)
    assert hello.firmware_hash.hex() == built.firmware_hash
    assert reasons.name(hello.fault) == WRONG_CHIP
