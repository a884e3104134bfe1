"""The whole bring-up at a simulated board: every step, with a person at hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firmware.tools.board_line import BoardLine
from receiver import reasons
from simulator.tools.bringup import session
from simulator.tools.bringup.bench import Bench
from simulator.tools.bringup.report import Report
from simulator.tools.bringup.steps import NAMES, STEPS
from tests.support.world.commands import PATIENCE
from tests.support.world.workshop import Workshop, workshop

pytestmark = pytest.mark.long

SALES = 3
CUTS = 2


class Hands:
    """A person who does at once what is asked for."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self.asked: list[str] = []

    async def ask(self, what: str) -> None:
        self.asked.append(what)
        if "unplug" in what:
            await self._shop.line.ask("unplug")
            await self._shop.line.ask("reset")  # its power is gone, too
        else:
            await self._shop.line.ask("replug")


@pytest.fixture
async def shop() -> AsyncIterator[Workshop]:
    async with workshop(blank=True) as shop:
        shop.hold()
        yield shop


async def test_every_step(shop: Workshop, tmp_path: Path) -> None:
    hands, told, report = Hands(shop), list[str](), Report(shop.url)
    bench = Bench(shop.url, shop.radio.phones, told.append, hands, SALES, CUTS)
    await session.run(bench, report, tmp_path / "report.json", STEPS)
    print(*told, sep="\n")
    assert {name: step.problem for name, step in report.steps.items() if not step.is_ok} == {}
    assert tuple(report.steps) == NAMES
    assert (report.ok, report.missing) == (True, [])
    assert len(hands.asked) == 2 * CUTS
    figures = {figure.name: figure for step in report.steps.values() for figure in step.figures}
    assert figures["sales"].value == SALES
    assert figures["cuts that lost something"].value == 0
    assert figures["links at once"].value == 4
    async with BoardLine(shop.url) as line:  # blank again, and not in service mode
        assert (await line.up(PATIENCE)).fault not in (reasons.IN_SERVICE, reasons.CRASH_LOOP)
