"""One measurement as a row: beside its budget and the lower bound or peer of the same run."""

from __future__ import annotations

import json
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WIDTH = 120  # into a file or a CI log as well
LOWER, HIGHER = "lower", "higher"


class Row(NamedTuple):
    """`better` is LOWER or HIGHER; `budget` and `bound` None where there is none."""

    name: str
    value: float
    unit: str
    better: str = LOWER
    budget: float | None = None
    bound: float | None = None
    bound_is: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the budget holds; None without one."""
        if self.budget is None:
            return None
        return self.value <= self.budget if self.better == LOWER else self.value >= self.budget


def middle(values: Sequence[float], scale: float = 1.0) -> float:
    """The median, which one busy moment of a shared machine does not move."""
    return median(values) * scale


def write(rows: Sequence[Row], path: Path) -> None:
    """The rows as JSON: name → value, unit, better, budget, bound."""
    document = {
        row.name: {
            "value": row.value,
            "unit": row.unit,
            "better": row.better,
            "budget": row.budget,
            "bound": row.bound,
        }
        for row in rows
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def show(rows: Sequence[Row]) -> None:
    """The rows as one table."""
    table = Table()
    for name in ("what", "value", "unit", "budget", "", "bound", "the bound is"):
        table.add_column(name, justify="right" if name in ("value", "budget", "bound") else "left")
    for row in rows:
        verdict = {True: "holds", False: "MISSED", None: ""}[row.holds]
        style = "red" if row.holds is False else ""
        budget, bound = _number(row.budget), _number(row.bound)
        cells = (row.name, _number(row.value), row.unit, budget, verdict, bound, row.bound_is)
        table.add_row(*cells, style=style)
    Console(width=max(Console().width, WIDTH)).print(table)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
