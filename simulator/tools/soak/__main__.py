"""`python -m simulator.tools.soak`: sell while everything crashes; exit with 0 if books agree."""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
from pathlib import Path
from tempfile import mkdtemp

from simulator.tools import figures

from .progress import Progress
from .run import soak

OUTPUT = Path("build/soak.json")
SALES, SALES_MOST = 200, 100_000
SEED = 20_261_122


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simulator.tools.soak", description=__doc__)
    parser.add_argument("--sales", type=int, default=SALES, help=f"how many (default: {SALES})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the plan (default: {SEED})")
    parser.add_argument("--output", type=Path, default=OUTPUT, help=f"default: {OUTPUT}")
    arguments = parser.parse_args()
    if not 1 <= arguments.sales <= SALES_MOST:
        parser.error(f"--sales takes a number from 1 to {SALES_MOST}")
    logging.getLogger("bumble").setLevel(logging.CRITICAL)  # its phones disappear at any moment
    return _run(arguments.sales, arguments.seed, arguments.output)


def _run(sales: int, seed: int, output: Path) -> int:
    teller, directory = Progress(sales, seed), Path(mkdtemp(prefix="tillsign-soak-"))
    try:
        with teller.running():
            result = asyncio.run(soak(directory, sales, seed, teller.progress))
    except BaseException:
        teller.kept(directory)
        raise
    teller.result(result)
    figures.write(result.summary, output)
    if result.findings:
        teller.kept(directory)
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
