"""`python -m simulator.tools.chip.long_life`: what it finds, and a life too short."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from simulator.processes.child_process import ChildProcess
from simulator.tools.chip import long_life
from simulator.tools.chip.four_phones import Stats
from simulator.world.receiver_command import Chip

PATIENCE_S = 170.0  # it takes some ten
FREE = 40_000


@pytest.mark.usefixtures("machine")
async def test_a_life_without_health_proves_nothing() -> None:
    process = await ChildProcess.start_module(
        "simulator.tools.chip.long_life", "--sales", "1", stderr=asyncio.subprocess.STDOUT
    )
    code, text, _ = await asyncio.wait_for(process.ended(), PATIENCE_S)
    assert code == 1, text
    assert "too short" in text


class Till:
    def __init__(self, lost: int) -> None:
        self.till = self
        self._free, self._lost = FREE, lost

    async def receivers(self) -> list[dict[str, dict[str, int]]]:
        self._free -= self._lost
        return [{"health": {"free_bytes": self._free}}]


@pytest.mark.parametrize(("lost", "failed", "code"), [(0, 0, 0), (1, 0, 0), (100, 0, 1), (0, 1, 1)])
def test_growth_and_failed_allocations_are_faults(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lost: int,
    failed: int,
    code: int,
) -> None:
    """A hundred bytes a sale are found in a hundred sales; a few that come and go are not."""

    async def sell(
        _chip: Chip, sales: int, after: Callable[[object], Awaitable[None]]
    ) -> tuple[Stats, Stats]:
        world = Till(lost)
        for _ in range(sales):
            await after(world)
        figures = dict.fromkeys(Stats.__struct_fields__, 0)
        return Stats(**figures), Stats(**{**figures, "failed": failed})

    monkeypatch.setattr(long_life, "sell", sell)
    monkeypatch.setattr("sys.argv", ["long_life", "--sales", "100"])
    assert long_life.main() == code
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"after sale 1: {FREE - lost} bytes free"
    assert told[-1].startswith("100 sales: ")
