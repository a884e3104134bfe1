"""The figures of a load: a process's memory and time, and the spread of many values."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class Spread(NamedTuple):
    """The spread of many values, in their unit."""

    median: float
    p99: float


def spread(values: Sequence[float]) -> Spread:
    """Return median and 99th percentile by nearest rank; ValueError for no values."""
    if not values:
        raise ValueError("no values")
    ranked = sorted(values)
    return Spread(*(ranked[math.ceil(len(ranked) * part) - 1] for part in (0.5, 0.99)))


def memory(pid: int) -> int:
    """Return the resident bytes of a process now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def cpu_seconds(pid: int) -> float:
    """Return the processor seconds of a process since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
