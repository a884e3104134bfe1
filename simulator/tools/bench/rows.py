"""One measurement as a row, with its budget and the lower bound or peer of the same run."""

from __future__ import annotations

import json
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WIDTH = 136  # the same in a file or a CI log
LOWER, HIGHER = "lower", "higher"
COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("what", "left"),
    ("value", "right"),
    ("unit", "left"),
    ("interpreter", "right"),
    ("in C", "right"),
    ("budget", "right"),
    ("", "left"),
    ("bound", "right"),
    ("the bound is", "left"),
)


class Row(NamedTuple):
    """A row. `better` is LOWER or HIGHER; numbers in the row's unit, None where there is none.

    Of instructions, `interpreter` counts those outside the kernels, `compiled` portable C's.
    """

    name: str
    value: float
    unit: str
    better: str = LOWER
    budget: float | None = None
    bound: float | None = None
    bound_is: str = ""
    interpreter: float | None = None
    compiled: float | None = None

    @property
    def holds(self) -> bool | None:
        """Return whether the budget is met; None without one."""
        if self.budget is None:
            return None
        return self.value <= self.budget if self.better == LOWER else self.value >= self.budget


def middle(values: Sequence[float], scale: float = 1.0) -> float:
    """Return the median: a busy moment of a shared machine does not change it."""
    return median(values) * scale


def write(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as JSON: name → value, unit, better, budget, bound, interpreter, compiled."""
    told = ("value", "unit", "better", "budget", "bound", "interpreter", "compiled")
    document = {row.name: {name: getattr(row, name) for name in told} for row in rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")


def show(rows: Sequence[Row]) -> None:
    """Show the rows as one table."""
    table = Table()
    for name, justify in COLUMNS:
        table.add_column(name, justify=justify)
    for row in rows:
        verdict = {True: "holds", False: "MISSED", None: ""}[row.holds]
        numbers = [_number(n) for n in (row.interpreter, row.compiled, row.budget, row.bound)]
        outside, compiled, budget, bound = numbers
        cells = (row.name, _number(row.value), row.unit, outside, compiled, budget, verdict, bound)
        table.add_row(*cells, row.bound_is, style="red" if row.holds is False else "")
    Console(width=max(Console().width, WIDTH)).print(table)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
