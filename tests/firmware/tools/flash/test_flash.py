"""Flashing simulated boards: written, verified, started; and cut off in the middle."""

from __future__ import annotations

import asyncio
import json
from itertools import count
from pathlib import Path

import pytest

from bridge.cli.main import main
from firmware.tools.flash import errors, flash
from firmware.tools.flash.errors import FlashError
from firmware.tools.flash.plan import Plan
from simulator.hardware.board import stand_in
from simulator.hardware.board.board import BoardConfig, SimulatedBoard
from simulator.hardware.board.stand_in import NVS_SIZE, NVS_START
from tests.support.world.simulated import flashed, release

UP_S = 30.0
WRITES = 17  # at least, of a new board: an erasure of each segment, and its blocks
AT_ONCE = 4  # boards: one that has lost its power costs esptool seven seconds of waiting


def written(done: flash.Flashed) -> list[str]:
    return [segment.name for segment in done.segments if segment.written]


async def test_a_new_board_gets_everything_and_runs_it(tmp_path: Path, planned: Plan) -> None:
    told = []
    async with SimulatedBoard(tmp_path, BoardConfig(psram_mb=8)) as board:
        done = await flash.flash(
            board.url, planned, tell=lambda what, at, total: told.append((what, at, total))
        )
        assert done.found == ("esp32s3", 4, 8)
        assert done.mac == ":".join(f"{octet:02x}" for octet in board.config.mac)
        assert written(done) == [segment.name for segment in planned.segments]
        assert done.hello
        assert done.hello.firmware_hash.hex() == release().firmware_hash
        size = len(planned.segments[-1].data)
        assert any(what == "write firmware" and 0 < at <= total for what, at, total in told)
        assert board.flash.read(planned.segments[-1].address, 256) != b"\xff" * 256
        assert size == board.flash.blocks * 4096


async def test_again_only_what_differs_is_written_and_the_key_stays(
    tmp_path: Path, planned: Plan
) -> None:
    async with flashed(tmp_path) as board:
        await board.cut_power()
        board.flash.nvs.mkdir(exist_ok=True)
        (board.flash.nvs / "kept").write_bytes(b"a key")
        board.flash.pack_nvs()
        await board.power_up()
        done = await flash.flash(board.url, planned)
        assert "UNIX_STAND_IN" not in written(done)
        await board.cut_power()
        assert b'"kept": "%s"' % b"a key".hex().encode() in board.flash.read(NVS_START, NVS_SIZE)


async def test_a_dry_run_writes_nothing(tmp_path: Path, planned: Plan) -> None:
    async with SimulatedBoard(tmp_path) as board:
        done = await flash.flash(board.url, planned, dry=True)
        assert len(written(done)) == len(planned.segments)
        assert done.hello is None
        assert set(board.flash.path.read_bytes()) == {0xFF}


@pytest.mark.long
@pytest.mark.crashes
async def test_a_power_cut_at_every_write_is_mended_by_the_same_command(
    tmp_path: Path, planned: Plan
) -> None:
    """In each of the 17 writes and erasures of a new board's flash: half of it is done."""
    numbers = count(1)

    async def cuts() -> int:
        while await is_mended(tmp_path, planned, number := next(numbers)):
            pass
        return number

    ends = await asyncio.gather(*[cuts() for _ in range(AT_ONCE)])
    assert min(ends) > WRITES


async def is_mended(folder: Path, planned: Plan, number: int) -> bool:
    """Cut a new board's power at this write, and flash it again; false without such a write."""
    async with SimulatedBoard(folder, BoardConfig(f"cut-{number}")) as board:
        board.cut_power_at_write(number)
        error = await failed(board, planned)
        if error is None:
            return False
        assert error.code == errors.LOST
        assert "same command" in str(error)
        assert board.writes_left() is None
        await board.power_up()
        done = await flash.flash(board.url, planned)
        assert done.hello
        assert done.hello.firmware_hash.hex() == release().firmware_hash
        return True


async def failed(board: SimulatedBoard, planned: Plan) -> FlashError | None:
    try:
        await asyncio.to_thread(flash.write, board.url, planned)
    except FlashError as error:
        return error
    return None


async def test_many_boards_at_once_by_the_command(
    tmp_path: Path, files: stand_in.Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """One is the wrong chip: the others are flashed."""
    configs = [BoardConfig("one"), BoardConfig("two"), BoardConfig("three", chip="esp32c3")]
    boards = [SimulatedBoard(tmp_path, config) for config in configs]
    async with boards[0], boards[1], boards[2]:
        named = [word for board in boards for word in ("--port", board.url)]
        arguments = ["--micropython", str(files.image), "--images", str(files.table)]
        arguments += ["--build", str(release().folder), "--json"]
        code = await in_a_process("flash", *named, *arguments, out=tmp_path / "out")
        told = json.loads((tmp_path / "out").read_text())
    assert code == 1
    assert [board["ok"] for board in told["boards"]] == [True, True, False]
    assert told["boards"][0]["hello"]["firmware_hash"] == release().firmware_hash
    assert told["boards"][2]["error"]["code"] == errors.WRONG_CHIP
    assert len({board["mac"] for board in told["boards"][:2]}) == 2


async def test_backup_and_erase(tmp_path: Path) -> None:
    file = tmp_path / "backup.bin"
    async with SimulatedBoard(tmp_path, BoardConfig(flash_mb=2)) as board:
        board.flash.write(0x1F0000, b"what it had")
        before = board.flash.path.read_bytes()
        arguments = ["--port", board.url, "--json"]
        assert await in_a_process("backup", "--out", str(file), *arguments) == 0
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.read_bytes() == before
        assert await in_a_process("backup", "--out", str(file), *arguments) == 2
        assert await in_a_process("erase", *arguments) == 2
        assert await in_a_process("erase", "--yes", *arguments) == 0
        await board.cut_power()
        assert set(board.flash.path.read_bytes()) == {0xFF}


async def in_a_process(command: str, *arguments: str, out: Path = Path("/dev/null")) -> int:
    """Run a command as a technician does; return its exit code."""
    import sys

    program = "import sys; from bridge.cli.main import main; sys.exit(main(sys.argv[1:]))"
    with out.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "ignore",
            "-c",
            program,
            "firmware",
            command,
            *arguments,
            stdout=file,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(4 * UP_S):
            return await process.wait()


def test_help_says_how(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["firmware", "flash", "--help"])
    assert caught.value.code == 0
    assert "--micropython" in capsys.readouterr().out
