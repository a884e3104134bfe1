"""Measure everything once, print one table, write build/bench.json."""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from simulator.world.receiver_command import ROOT
from simulator.world.world import World

from . import (
    arithmetic,
    arithmetic_times,
    authorisations,
    bridge_start,
    heap,
    load,
    receiver_start,
    sale,
    trace,
)
from .rows import Row, show, write

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

DEMO_BUDGET_S = 60
OUTPUT = Path("build/bench.json")


def _world() -> list[Row]:
    return asyncio.run(_world_rows())


async def _world_rows() -> list[Row]:
    async with World() as world:
        await world.receiver_up()
        found = await sale.rows(world)
    async with World() as world:  # the starts borrow its receiver's place on the radio
        if world.line is not None:
            await world.line.stop()
        found += await receiver_start.rows(world)
    return found


def _demo() -> list[Row]:
    start = time.monotonic()
    demo = [sys.executable, "-m", "bridge.cli", "demo"]
    subprocess.run(demo, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return [Row("demo", time.monotonic() - start, "s", budget=DEMO_BUDGET_S)]


def _parts(sales: int, tell: Callable[[str], object]) -> dict[str, Callable[[], list[Row]]]:
    """Return the parts in order; `tell` reports how far a long part has come."""

    def sold(done: int) -> None:
        tell(f"{done:,} of {sales:,} sales through one bridge ...")

    def written(done: int) -> None:
        tell(f"{done:,} of {bridge_start.SALES:,} sales into a journal ...")

    return {
        "the device's arithmetic on a chip": arithmetic.rows,
        "the same on this host": arithmetic_times.rows,
        "the device's heap": heap.rows,
        "whole sales and the receiver's start": _world,
        "one approval's way through the bridge": trace.rows,
        "the demo": _demo,
        "many sales through one bridge": partial(load.rows, sales, sold),
        "a start on a long journal": partial(bridge_start.rows, written),
        "the authority on PostgreSQL": authorisations.rows,
    }


def main() -> int:
    arguments = _arguments()
    rows: list[Row] = []
    with Console(stderr=True).status("") as status:
        for name, measure in _parts(arguments.sales, status.update).items():
            if arguments.only in name:
                status.update(f"Measuring {name} ...")
                rows += measure()
    show(rows)
    if not arguments.only:
        write(rows, OUTPUT)
    missed = [row.name for row in rows if row.holds is False]
    return 1 if missed else 0


def _arguments() -> Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator.tools.bench", description=__doc__)
    parser.add_argument("--sales", type=int, default=load.SALES, help="of the load")
    parser.add_argument(
        "--only", default="", metavar="WORD", help="the parts with it in their name"
    )
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
