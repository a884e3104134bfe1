"""`python -m simulator.tools.chip.long_life`: many sales in one life of a board.

Four phones are at each. The exit code is 1 if the board is reset, an allocation fails, or its heap
grows: the least that a collection leaves in the last tenth of the sales must not be more than in
the first.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys

from simulator.world.receiver_command import Chip

from .four_phones import BoardError, Stats, sell

SALES = 1000
POOL = 85_000  # what a frozen firmware may take
SLACK = 256  # bytes: figures that have grown longer, a key of a table that came late
TENTHS = 10


def main() -> int:
    """Print what is alive now and then, and the end."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator.tools.chip.long_life", description=__doc__
    )
    parser.add_argument("--sales", type=int, default=SALES, help=f"default: {SALES}")
    parser.add_argument("--pool", type=int, default=POOL, help=f"in bytes, default: {POOL}")
    arguments = parser.parse_args()
    logging.getLogger("bumble").setLevel(logging.CRITICAL)
    tenth = max(arguments.sales // TENTHS, 1)
    live: list[int] = []

    def tell(stats: Stats) -> None:
        live.append(stats.live)
        if len(live) % tenth == 0:
            print(f"after sale {len(live)}: {min(live[-tenth:])} bytes alive", flush=True)

    # A clock that follows the instructions is late in the end: credentials are not valid yet then.
    chip = Chip((arguments.pool,))
    try:
        _, stats = asyncio.run(sell(chip, arguments.sales, tell))
    except BoardError as error:
        print(f"the life ended: {error}", file=sys.stderr)
        return 1
    grows = min(live[-tenth:]) > min(live[:tenth]) + SLACK
    print(
        f"{arguments.sales} sales: {stats.allocations} allocations, {stats.failed} failed, "
        f"{stats.collections} collections; the heap {'grows' if grows else 'stays'}"
    )
    return int(stats.failed > 0 or grows)


if __name__ == "__main__":
    sys.exit(main())
