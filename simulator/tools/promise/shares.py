"""Shares of many and what they prove: ranks, percentiles, Wilson's interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

Z = 1.96  # standard deviations to either side: 95 % of a normal distribution lie within
# A product of a decimal share and a count, such as 0.9995 × 100,000, is off by less than this.
ROUNDING = 1e-6


class Interval(NamedTuple):
    """Where the share of a whole lies, by what was counted in a part of it."""

    low: float
    high: float


def wilson(kept: int, of: int) -> Interval:
    """Return the 95 % interval of a share (Wilson 1927), which holds for few and near 1 too."""
    if of == 0:
        return Interval(0.0, 1.0)
    share, square = kept / of, Z * Z
    centre = (share + square / (2 * of)) / (1 + square / of)
    half = Z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    low = 0.0 if kept == 0 else centre - half
    return Interval(low, 1.0 if kept == of else centre + half)


def needed(share: float, of: int) -> int:
    """Return how many of so many a share is at least."""
    return math.ceil(share * of - ROUNDING)


def percentile(ranked: Sequence[float], share: float) -> float:
    """Return the smallest value that so great a share does not exceed; of values in order."""
    return ranked[max(1, needed(share, len(ranked))) - 1]


def quantiles(ranked: Sequence[float], steps: int) -> list[float]:
    """Return the values at 0, 1/steps, …, 1 of values in order; empty where there are none."""
    if not ranked:
        return []
    return [percentile(ranked, step / steps) for step in range(steps + 1)]
