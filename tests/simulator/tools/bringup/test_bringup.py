"""The whole bring-up at a simulated board: every step, with a person at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.tools.board_line import BoardLine
from firmware.tools.everyday import listing
from receiver import reasons
from simulator.hardware.board.board import SimulatedBoard
from simulator.hardware.radio.server import Radio
from simulator.tools.bringup import purchase, session
from simulator.tools.bringup.bench import Bench
from simulator.tools.bringup.report import Report
from simulator.tools.bringup.steps import NAMES, STEPS
from tests.support.world.commands import PATIENCE
from tests.support.world.simulated import flashed

pytestmark = pytest.mark.long

SALES = 3
CUTS = 2


class Hands:
    """A person who does at once what is asked for."""

    def __init__(self, board: SimulatedBoard) -> None:
        self._board = board
        self.asked: list[str] = []

    async def ask(self, what: str) -> None:
        self.asked.append(what)
        if "unplug" in what:
            await self._board.cut_power()
        else:
            await self._board.power_up()


async def test_every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the files of the built image, behind an rfc2217 URL."""
    monkeypatch.setattr(purchase, "PATIENCE_S", 5)
    told: list[str] = []
    async with Radio() as radio, flashed(tmp_path, radio=radio) as board:
        board.hold_button()
        hands, report = Hands(board), Report(board.url)
        bench = Bench(board.url, radio.phones, told.append, hands, SALES, CUTS)
        await session.run(bench, report, tmp_path / "report.json", STEPS)
        print(*told, sep="\n")
        async with BoardLine(board.url) as line:  # blank again, and selling nothing
            hello = await line.up(PATIENCE)
    assert {name: step.problem for name, step in report.steps.items() if not step.is_ok} == {}
    assert tuple(report.steps) == NAMES
    assert (report.ok, report.missing) == (True, [])
    assert len(hands.asked) == 2 * CUTS
    figures = {figure.name: figure for step in report.steps.values() for figure in step.figures}
    assert figures["sales"].value == SALES
    assert figures["cuts that lost something"].value == 0
    assert figures["links at once"].value == 4
    assert hello.fault == reasons.OK
    assert listing.receiver_id(hello) == ""
