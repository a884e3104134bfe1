"""Measure everything once, print one table, write build/bench.json."""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console

from simulator.world.receiver_command import ROOT
from simulator.world.world import World

from . import (
    arithmetic,
    arithmetic_times,
    authorisations,
    board_enrolment,
    bridge_start,
    chip,
    firmware_update,
    flashing,
    heap,
    load,
    receiver_start,
    sale,
    trace,
)
from .rows import SALES_BEFORE_START, Figure, missed, show, write

OUTPUT = Path("build/bench.json")


async def _world() -> dict[str, Figure]:
    async with World() as world:
        await world.receiver_up()
        found = await sale.measure(world)
    async with World() as world:  # the starts borrow its receiver's place on the radio
        if world.line is not None:
            await world.line.stop()
        return {**found, **await receiver_start.measure(world)}


def _demo() -> dict[str, Figure]:
    start = time.monotonic()
    demo = [sys.executable, "-m", "bridge.cli", "demo"]
    subprocess.run(demo, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return {"demo": Figure(time.monotonic() - start)}


def _parts(sales: int, tell: Callable[[str], object]) -> dict[str, Callable[[], dict[str, Figure]]]:
    """Return the parts in order; `tell` reports how far a long part has come."""

    def sold(done: int) -> None:
        tell(f"{done:,} of {sales:,} sales through one bridge ...")

    def written(done: int) -> None:
        tell(f"{done:,} of {SALES_BEFORE_START:,} sales into a journal ...")

    return {
        "the device's arithmetic on a chip": arithmetic.measure,
        "the firmware in a chip's memory": partial(chip.measure, tell),
        "the same on this host": arithmetic_times.measure,
        "the device's heap": heap.measure,
        "whole sales and the receiver's start": lambda: asyncio.run(_world()),
        "an enrolment": board_enrolment.measure,
        "one approval's way through the bridge": trace.measure,
        "the demo": _demo,
        "many sales through one bridge": partial(load.measure, sales, sold),
        "a start on a long journal": partial(bridge_start.measure, written),
        "a firmware update over the line": firmware_update.measure,
        "building and flashing a board": flashing.measure,
        "the authority on PostgreSQL": authorisations.measure,
    }


def main() -> int:
    """Measure; return 1 where a budget is missed or a part fails: the others are shown."""
    arguments, console = _arguments(), Console(stderr=True)
    measured: dict[str, Figure] = {}
    failed = False
    with console.status("") as status:
        for name, measure in _parts(arguments.sales, status.update).items():
            if arguments.only not in name:
                continue
            status.update(f"Measuring {name} ...")
            try:
                measured |= measure()
            except Exception:
                failed = True
                console.print(f"Not measured: {name}")
                console.print_exception()
    show(measured)
    if not arguments.only:
        write(measured, OUTPUT)
    return int(failed or bool(missed(measured)))


def _arguments() -> Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator.tools.bench", description=__doc__)
    parser.add_argument("--sales", type=int, default=load.SALES, help="of the load")
    parser.add_argument(
        "--only", default="", metavar="WORD", help="the parts with it in their name"
    )
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
