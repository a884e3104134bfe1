"""Compare times that may not be: every deadline of the core is milliseconds, or None."""

from __future__ import annotations


def earlier(one: int | None, other: int | None) -> int | None:
    """Return the earlier of two times, None if neither is. The loop asks often: no lists."""
    if one is None:
        return other
    return one if other is None or one < other else other
