"""Two runs beside each other: before and after."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from simulator.tools import figures as tables
from simulator.tools.generate import markdown

from .figures import PromiseFigure
from .report import Cell, PromiseReport
from .table import goal, text

_HEADS = ("air", "profile", "figure", "goal", "before", "after")


def changes(before: PromiseReport, after: PromiseReport) -> Iterator[tuple[str, ...]]:
    """Yield a row for each figure of a cell that both runs have, and that differs."""
    old = {(cell.air, cell.profile): cell for cell in before.cells}
    for cell in after.cells:
        if (cell.air, cell.profile) in old:
            yield from _rows(old[cell.air, cell.profile], cell)


def terminal(before: PromiseReport, after: PromiseReport) -> Table:
    made = tables.table(*_HEADS, title="Before and after", words=_HEADS)
    for row in changes(before, after):
        made.add_row(*row)
    return made


def page(before: PromiseReport, after: PromiseReport) -> str:
    """Return the same in Markdown."""
    return markdown.table(_HEADS, changes(before, after))


def _rows(old: Cell, new: Cell) -> Iterator[tuple[str, ...]]:
    known = {figure.key: figure for figure in old.figures}
    for figure in new.figures:
        was = known.get(figure.key)
        if was is not None and _differs(was, figure):
            names = (new.air, new.profile, figure.text, goal(figure))
            yield (*names, text(was), text(figure))


def _differs(old: PromiseFigure, new: PromiseFigure) -> bool:
    return (old.value, old.verdict) != (new.value, new.verdict)
