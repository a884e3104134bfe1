"""The simulated board: what runs from its flash, and what lasts over resets and power cuts."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
import serial

from firmware.tools.board_line import BoardLine, BoardLineError
from receiver import reasons
from receiver.link import service_wire, wire
from receiver.protocol.enrolment import PENDING_NAME
from simulator.hardware.board.board import BoardConfig, SimulatedBoard
from simulator.hardware.board.stand_in import NVS_SIZE, NVS_START
from tests.support.world.simulated import flashed, release

pytestmark = pytest.mark.processes

UP_S = 20.0
ORDER = service_wire.Enrol(bytes(range(16)))


async def hello(board: SimulatedBoard) -> wire.ReceiverHello:
    async with BoardLine(board.url) as line:
        return await line.up(UP_S)


async def enrol(board: SimulatedBoard) -> None:
    """Let it make a key."""
    async with BoardLine(board.url) as line:
        await line.into_service(UP_S)
        await line.ask(service_wire.ENROL, ORDER, service_wire.ENROLMENT)


async def heard(board: SimulatedBoard, what: bytes, baud: int = 115_200) -> bytes:
    """Everything on the line, until it has these bytes or 20 s are over."""

    def read() -> bytes:
        with closing(serial.serial_for_url(board.url, baudrate=baud, timeout=0.2)) as port:
            data = b""
            for _ in range(100):
                data += port.read(max(1, port.in_waiting))
                if what in data:
                    break
        return data

    return await asyncio.to_thread(read)


async def test_it_runs_the_firmware_of_its_flash(tmp_path: Path) -> None:
    async with flashed(tmp_path) as board:
        found = await hello(board)
    assert found.firmware_hash.hex() == release().firmware_hash
    assert found.board == "unix"


async def test_its_key_lasts_over_resets_power_cuts_and_its_own_end(tmp_path: Path) -> None:
    async with flashed(tmp_path) as board:
        await enrol(board)
        board.reset()
        first = await hello(board)
        assert (board.flash.nvs / PENDING_NAME).is_file()
        await board.cut_power()
        stored = board.flash.read(NVS_START, NVS_SIZE)
        assert PENDING_NAME.encode() in stored
        with pytest.raises(BoardLineError):
            await asyncio.wait_for(hello_within(board, 0.5), UP_S)
        await board.power_up()
        await hello(board)
        await board.cut_power()
        assert board.flash.read(NVS_START, NVS_SIZE) == stored
    async with SimulatedBoard(tmp_path) as again:
        assert (await hello(again)).firmware_hash == first.firmware_hash


async def hello_within(board: SimulatedBoard, within_s: float) -> None:
    async with BoardLine(board.url) as line:
        await line.up(within_s)


@pytest.mark.parametrize("number", [1, 2])
async def test_power_that_goes_in_a_write_of_its_store_leaves_a_board_that_starts(
    tmp_path: Path, number: int
) -> None:
    """A new board writes its key at ENROL; the same order makes it whole."""
    board = flashed(tmp_path)
    async with board:
        async with BoardLine(board.url) as line:
            await line.into_service(UP_S)
            board.cut_power_at_write(number)
            with pytest.raises(BoardLineError):
                await line.ask(service_wire.ENROL, ORDER, service_wire.ENROLMENT, 1)
        async with asyncio.timeout(UP_S):
            await board.lost_power.wait()
        assert board.writes_left() is None
        await board.power_up()
        found = await hello(board)
        assert (found.firmware_hash.hex(), found.fault) == (release().firmware_hash, reasons.OK)
        await enrol(board)


async def test_the_lines_hold_it_in_reset_and_start_it_anew(tmp_path: Path) -> None:
    async with flashed(tmp_path) as board:
        before = (await hello(board)).nonce
        starts = board.starts

        def press() -> None:
            with closing(serial.serial_for_url(board.url)) as port:
                port.dtr = False
                port.rts = True
                port.rts = False

        await asyncio.to_thread(press)
        assert (await hello(board)).nonce != before
        assert board.starts > starts


async def test_without_an_image_its_rom_starts_over_and_over(tmp_path: Path) -> None:
    async with SimulatedBoard(tmp_path) as board:
        await heard(board, b"invalid header")
        await heard(board, b"ESP-ROM")
        assert board.starts == 0


async def test_a_file_system_of_another_size_is_corrupted(tmp_path: Path) -> None:
    board = flashed(tmp_path, BoardConfig(flash_mb=8))
    async with board:
        assert b"appears to be corrupted" in await heard(board, b"appears to be corrupted")


async def test_at_another_rate_it_is_garbage(tmp_path: Path) -> None:
    async with SimulatedBoard(tmp_path) as board:
        assert b"ESP-ROM" not in await heard(board, b"ESP-ROM", baud=9600)


async def test_several_boards_are_themselves(tmp_path: Path) -> None:
    configs = [BoardConfig(name="one"), BoardConfig(name="two")]
    async with flashed(tmp_path, configs[0]) as one, flashed(tmp_path, configs[1]) as two:
        found = await asyncio.gather(hello(one), hello(two))
        assert one.config.mac != two.config.mac
        assert found[0].nonce != found[1].nonce
