"""One bridge with many receivers: sales a second, and the cost of each."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from simulator.tools.load.run import LoadPlan, Run
from simulator.tools.load.shop import LoadShop

from . import lower_bound, sale
from .rows import HIGHER, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.tools.load.run import LoadResult

RECEIVERS = 200
SALES = 10_000
RATE_BUDGET = 50.0
OFFERED = 51.0  # a second: the last sales end after the last arrival
OWN_BUDGET_MS = 10
OWN_P99_BUDGET_MS = 50
MEMORY_BUDGET_MB = 200
GROWTH_BUDGET = 1.05  # at the last sale, relative to a tenth of them
LIBRARIES = "aiohttp, cryptography, nacl.bindings, serial, sqlite3"

_MB = 1e6
_IDLE = (
    f"import {LIBRARIES}; from pathlib import Path; "
    "from simulator.tools.load.figures import memory; "
    "import os; print(memory(os.getpid()))"
)


def rows(sales: int, progress: Callable[[int], object]) -> list[Row]:
    """Measure; `progress` gets the number of sales done; raises where one sale went wrong."""
    plan = LoadPlan(sales, OFFERED, marks=(sales // 10, sales))
    result = asyncio.run(_play(plan, progress))
    floor = lower_bound.measure()
    own = result.phases["own"]
    first, last = (result.memory[mark] for mark in plan.marks)
    return [
        Row(
            "load_rate", result.rate, "sales/s", better=HIGHER, budget=RATE_BUDGET,
            bound=1000 / floor.wall, bound_is=lower_bound.NAMES,
        ),
        Row(
            "load_own_share", own.median, "ms", budget=OWN_BUDGET_MS,
            bound=sale.bridge_floor(), bound_is=sale.FLOOR_IS,
        ),
        Row("load_own_share_p99", own.p99, "ms", budget=OWN_P99_BUDGET_MS),
        Row(
            "load_bridge_cpu", result.cpu["bridge"] * 1000, "ms/sale",
            bound=floor.cpu, bound_is=lower_bound.NAMES,
        ),
        Row(
            "load_memory", last / _MB, "MB", budget=MEMORY_BUDGET_MB,
            bound=_idle_memory() / _MB, bound_is=f"a process that imports {LIBRARIES}",
        ),
        Row("load_memory_growth", last / first, "", budget=GROWTH_BUDGET),
    ]  # fmt: skip


async def _play(plan: LoadPlan, progress: Callable[[int], object]) -> LoadResult:
    with TemporaryDirectory(prefix="tillsign-") as directory:
        async with LoadShop(Path(directory), RECEIVERS) as shop:
            return await Run(shop, plan, progress).play()


def _idle_memory() -> int:
    done = subprocess.run([sys.executable, "-c", _IDLE], check=True, capture_output=True, text=True)
    return int(done.stdout)
