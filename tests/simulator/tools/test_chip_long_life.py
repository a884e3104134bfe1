"""`python -m simulator.tools.chip.long_life`: two sales of it, and what it finds in a life."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from simulator.processes.child_process import ChildProcess
from simulator.tools.chip import long_life
from simulator.tools.chip.four_phones import Stats
from simulator.world.receiver_command import Chip

PATIENCE_S = 170.0  # it takes some ten
LIVE = 40_000


@pytest.mark.usefixtures("machine")
async def test_two_sales_in_one_life() -> None:
    process = await ChildProcess.start_module(
        "simulator.tools.chip.long_life", "--sales", "2", stderr=asyncio.subprocess.STDOUT
    )
    _, text, _ = await asyncio.wait_for(process.ended(), PATIENCE_S)
    assert "after sale 2: " in text
    assert " 0 failed, " in text


@pytest.mark.usefixtures("machine")
async def test_a_life_that_ends_early() -> None:
    process = await ChildProcess.start_module(
        "simulator.tools.chip.long_life", "--pool", "50000", stderr=asyncio.subprocess.STDOUT
    )
    code, text, _ = await asyncio.wait_for(process.ended(), PATIENCE_S)
    assert (code, text) == (1, "the life ended: it was reset\n")


@pytest.mark.parametrize(("lost", "failed", "code"), [(0, 0, 0), (1, 0, 0), (100, 0, 1), (0, 1, 1)])
def test_growth_and_failed_allocations_are_faults(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lost: int,
    failed: int,
    code: int,
) -> None:
    """A hundred bytes a sale are found in a hundred sales; a few that come and go are not."""
    none = dict.fromkeys(Stats.__struct_fields__, 0)

    async def sell(_chip: Chip, sales: int, tell: Callable[[Stats], object]) -> tuple[Stats, Stats]:
        for sale in range(sales):
            tell(Stats(**{**none, "live": LIVE + lost * sale + sale % 7 * 500}))
        return Stats(**none), Stats(**{**none, "failed": failed})

    monkeypatch.setattr(long_life, "sell", sell)
    monkeypatch.setattr("sys.argv", ["long_life", "--sales", "100"])
    assert long_life.main() == code
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"after sale 10: {LIVE} bytes alive"
    assert told[-1].startswith("100 sales: ")
