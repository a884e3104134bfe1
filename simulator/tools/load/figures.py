"""The figures of a load: a process's memory and time, and sales by their steps."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bridge.observability import timings

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
# Beside the bridge's own share: its parts, and its waits.
SPANS = {
    "kept": (timings.APPROVAL_RECEIVED, timings.APPROVAL_KEPT),
    "asked": (timings.APPROVAL_RECEIVED, timings.AUTHORISE_SENT),
    "authority": timings.AUTHORITY,
    "verdict": timings.VERDICT,
    "whole": (timings.APPROVAL_RECEIVED, timings.TOLD),
}
OWN = "own"


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


def phases(sales: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Return milliseconds by phase over many sales' stamps (`bridge.observability.timings`)."""
    seen = {name: [timings.span(steps, span) for steps in sales] for name, span in SPANS.items()}
    seen[OWN] = [timings.own_share(steps) for steps in sales]
    found = {name: [s * 1000 for s in values if s is not None] for name, values in seen.items()}
    return {name: spread(values) for name, values in found.items() if values}


def memory(pid: int) -> int:
    """Return the resident bytes of a process now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def cpu_seconds(pid: int) -> float:
    """Return the processor seconds of a process since its start."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
