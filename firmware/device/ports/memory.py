"""Measure the heap."""

from __future__ import annotations

import gc

NEAR = 256  # bytes: how exactly the largest piece is found


def measure() -> tuple[int, int]:
    """Return the bytes that are free, and the largest piece that could be had.

    It is found by trying: on a chip whose heap can grow, room to grow counts too, as it does for a
    sale.
    """
    gc.collect()
    free: int = gc.mem_free()
    low, high = 0, free
    while high - low > NEAR:
        middle = (low + high) // 2
        if _fits(middle):
            low = middle
        else:
            high = middle
    return free, low


def _fits(size: int) -> bool:
    try:
        bytearray(size)
    except MemoryError:
        return False
    finally:
        gc.collect()
    return True
