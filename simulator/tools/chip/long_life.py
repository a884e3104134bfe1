"""`python -m simulator.tools.chip.long_life`: many sales in one life of a board.

Four phones are at each. The exit code is 1 if the board is reset, an allocation fails, or its heap
grows: what is free after a collection, as HEALTH tells it, must not fall from the first tenth of
the sales to the last.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable
from statistics import median

from simulator.world.receiver_command import Chip
from simulator.world.world import World

from .four_phones import BoardError, Stats, sell

SALES = 1000
POOL = 85_000  # what a frozen firmware may take
SLACK = 512  # bytes: a counter more, a message under way
TENTHS = 10


async def live(chip: Chip, sales: int, tell: Callable[[int, int], object]) -> tuple[Stats, bool]:
    """Sell; return the machine's figures and whether the heap stays; raises BoardError.

    `tell` gets the number of the sale and the bytes that were free at the last HEALTH.
    """
    free: list[int] = []

    async def note(world: World) -> None:
        (receiver,) = await world.till.receivers()
        if receiver["health"] is not None:
            free.append(receiver["health"]["free_bytes"])
            tell(len(free), free[-1])

    _, after = await sell(chip, sales, note)
    if not free:
        raise BoardError("no HEALTH has come: the life was too short")
    some = max(len(free) // TENTHS, 1)
    return after, median(free[-some:]) >= median(free[:some]) - SLACK


def main() -> int:
    """Print what is free now and then, and the end."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator.tools.chip.long_life", description=__doc__
    )
    parser.add_argument("--sales", type=int, default=SALES, help=f"default: {SALES}")
    parser.add_argument("--pool", type=int, default=POOL, help=f"in bytes, default: {POOL}")
    arguments = parser.parse_args()
    logging.getLogger("bumble").setLevel(logging.CRITICAL)
    every = max(arguments.sales // TENTHS, 1)

    def tell(sale: int, free: int) -> None:
        if sale % every == 1 or every == 1:
            print(f"after sale {sale}: {free} bytes free", flush=True)

    # A clock that follows the instructions is late in the end: credentials are not valid yet then.
    chip = Chip((arguments.pool,))
    try:
        stats, stays = asyncio.run(live(chip, arguments.sales, tell))
    except BoardError as error:
        print(f"the life ended: {error}", file=sys.stderr)
        return 1
    print(
        f"{arguments.sales} sales: {stats.allocations} allocations, {stats.failed} failed, "
        f"{stats.collections} collections; the heap {'stays' if stays else 'grows'}"
    )
    return int(stats.failed > 0 or not stays)


if __name__ == "__main__":
    sys.exit(main())
