"""One bridge with many receivers: sales a second, and the cost of each."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from simulator.tools.load.run import LoadPlan, LoadResult, Run
from simulator.tools.load.shop import load_shop

from . import lower_bound, sale
from .rows import LIBRARIES, Figure

RECEIVERS = 200
SALES = 10_000
OFFERED = 51.0  # a second: the last sales end after the last arrival

_MB = 1e6
_IDLE = (
    f"import {LIBRARIES}; from pathlib import Path; "
    "from simulator.tools.load.figures import memory; "
    "import os; print(memory(os.getpid()))"
)


def measure(sales: int, progress: Callable[[int], object]) -> dict[str, Figure]:
    """Measure; `progress` gets the number of sales done; raises where one sale went wrong."""
    plan = LoadPlan(sales, OFFERED, marks=(sales // 10, sales))
    result = asyncio.run(_play(plan, progress))
    # These receivers verify faster than the authority answers: the receipt is checked after that.
    floor, bare = sale.bridge_floor("p256_verify", "ed25519_verify"), lower_bound.measure()
    own, cpu = result.own, result.cpu * 1000
    first, last = (result.memory[mark] for mark in plan.marks)
    return {
        "load_rate": Figure(result.rate, 1000 / bare.wall),
        "load_own_share": Figure(own.median, floor),
        "load_own_share_over_bound": Figure(own.median / floor),
        "load_own_share_p99": Figure(own.p99),
        "load_bridge_cpu": Figure(cpu, bare.cpu),
        "load_bridge_cpu_over_bound": Figure(cpu / bare.cpu),
        "load_memory": Figure(last / _MB, _idle_memory() / _MB),
        "load_memory_growth": Figure(last / first),
    }


async def _play(plan: LoadPlan, progress: Callable[[int], object]) -> LoadResult:
    with TemporaryDirectory(prefix="tillsign-") as directory:
        async with load_shop(Path(directory), RECEIVERS) as shop:
            return await Run(shop, plan, progress).play()


def _idle_memory() -> int:
    done = subprocess.run([sys.executable, "-c", _IDLE], check=True, capture_output=True, text=True)
    return int(done.stdout)
