"""`python -m simulator.tools.load`: sell through one bridge, and print the cost as JSON."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .run import LoadPlan, LoadResult, Run
from .shop import LoadShop


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulator.tools.load", description=__doc__)
    parser.add_argument("--receivers", type=int, default=200)
    parser.add_argument("--sales", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50.0, help="a second; 0: as many as possible")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    plan = LoadPlan(arguments.sales, arguments.rate, arguments.seed, marks=(arguments.sales,))
    result = asyncio.run(_play(arguments.receivers, plan))
    print(json.dumps({**result._asdict(), "rate": result.rate}, indent=2))


async def _play(receivers: int, plan: LoadPlan) -> LoadResult:
    with TemporaryDirectory(prefix="tillsign-") as directory:
        async with LoadShop(Path(directory), receivers) as shop:
            print(f"bridge is process {shop.bridge.pid}", file=sys.stderr)
            return await Run(shop, plan, _tell).play()


def _tell(done: int) -> None:
    if not done % 250:
        print(f"{done} sales", file=sys.stderr)


if __name__ == "__main__":
    main()
