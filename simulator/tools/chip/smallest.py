"""The smallest memory in which a board boots and four phones stand at a sale, found by halving.

A pool is heap and native code together, as on a chip. It is tried whole, and as two pieces of a
classic ESP32's: the larger one of five parts in nine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from simulator.world.receiver_command import Chip

from .four_phones import BoardError, Stats, sell

STEP = 1000  # bytes: the result is that exact
LEAST, MOST = 40, 320  # steps: in so few no board sells, in so many each one must
LARGER, ALL = 5, 9  # of two pieces
SALES = 3  # in one life: keys and order of events move the heap's pieces, so that one may be luck


def whole(size: int) -> tuple[int, ...]:
    return (size,)


def in_two(size: int) -> tuple[int, ...]:
    larger = size * LARGER // ALL
    return (larger, size - larger)


def smallest(
    frozen: bool, pieces: Callable[[int], tuple[int, ...]], tell: Callable[[str], object]
) -> int:
    """Return the smallest pool in bytes; raises BoardError if MOST is not enough."""
    fails, sells = LEAST, MOST
    figures(Chip(pieces(MOST * STEP), frozen))
    while sells - fails > 1:
        middle = (fails + sells) // 2
        tell(f"Does it sell in {middle} kB? (not in {fails}, but in {sells})")
        try:
            figures(Chip(pieces(middle * STEP), frozen), SALES)
        except BoardError:
            fails = middle
        else:
            sells = middle
    return sells * STEP


def figures(chip: Chip, sales: int = 1) -> tuple[Stats, Stats]:
    """Return what a board counts before and after the sale; raises BoardError."""
    return asyncio.run(sell(chip._replace(counted=True), sales))
