"""A till before its enrolment, whose board is simulated with its flash and its NVS."""

from __future__ import annotations

import asyncio
from pathlib import Path
from signal import SIGKILL

from firmware.tools.board_line import BoardLine
from receiver.encoding import schema
from receiver.link import wire
from receiver.protocol import enrolment
from simulator.hardware.board.board import SimulatedBoard
from tests.support.world.blank_till import PATIENCE_S, BlankTill
from tests.support.world.commands import started
from tests.support.world.simulated import flashed


class SimulatedTill(BlankTill):
    """`board` was flashed with the release of this tree."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.board: SimulatedBoard
        self._blank = b""  # its flash before any firmware ran

    async def _plug_board(self) -> None:
        folder = self.directory / "flash"
        folder.mkdir()
        board = flashed(folder, radio=self.radio)
        self._blank = board.flash.path.read_bytes()
        self.board = await self.stack.enter_async_context(board)
        self.serial = self.board.url

    async def blank(self) -> None:
        """Put another new board in the place of this one, and wait until it is up."""
        await self.board.cut_power()
        self.board.flash.path.write_bytes(self._blank)
        await self.board.power_up()
        await self.hello()

    async def hello(self) -> wire.ReceiverHello:
        async with BoardLine(self.serial) as line:
            return await line.up(PATIENCE_S)

    async def enrol_until_dark(self, ticket: str) -> bool:
        """Run the command; kill it once the board has lost its power. Return whether it has."""
        async with started(self.directory, *self.enrolment(ticket)) as running:
            ended = asyncio.create_task(running.ended())
            dark = asyncio.create_task(self.board.lost_power.wait())
            await asyncio.wait((ended, dark), return_when=asyncio.FIRST_COMPLETED)
            dark.cancel()
            await running.stop(SIGKILL)
            assert self.board.lost_power.is_set() or (await ended).code == 0
        return self.board.lost_power.is_set()

    def stored(self) -> enrolment.Stored:
        """Return what the board has in its NVS while its firmware runs."""
        data = (self.board.flash.nvs / enrolment.STORED_NAME).read_bytes()
        value: enrolment.Stored = schema.decode(enrolment.STORED, data, enrolment.Stored)
        return value
