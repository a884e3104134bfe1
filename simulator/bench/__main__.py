"""Measure everything once, print one table, write build/bench.json."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from simulator.world.enrolment import ROOT
from simulator.world.world import World

from . import arithmetic, device, heap, sale, times
from .rows import Row, show, write

DEMO_BUDGET_S = 60
OUTPUT = Path("build/bench.json")


async def _world_rows() -> list[Row]:
    async with World() as world:
        await world.receiver_up()
        found = await sale.rows(world)
    async with World() as world:  # its receiver's place on the radio is lent to the starts
        if world.line is not None:
            await world.line.stop()
        found += await device.rows(world)
    return found


def _demo_row() -> Row:
    start = time.monotonic()
    demo = [sys.executable, "-m", "bridge.cli", "demo"]
    subprocess.run(demo, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return Row("demo", time.monotonic() - start, "s", budget=DEMO_BUDGET_S)


def main() -> int:
    status = Console(stderr=True)
    with status.status("The device's arithmetic on a chip ..."):
        rows = arithmetic.rows()
    with status.status("... and on this host ..."):
        rows += times.rows() + heap.rows()
    with status.status("Whole sales and the receiver's start ..."):
        rows += asyncio.run(_world_rows())
    with status.status("The demo ..."):
        rows.append(_demo_row())
    show(rows)
    write(rows, OUTPUT)
    missed = [row.name for row in rows if row.holds is False]
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
