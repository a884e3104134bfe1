"""The promise as tables, one for each air: on a terminal, and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from simulator.tools import figures as tables
from simulator.tools.generate import markdown

from .figures import MET, MISSED, NONE, OPEN, PromiseFigure
from .goals import COUNT, SECONDS, SHARE
from .report import Cell, PromiseReport

_STYLES = {MET: "green", MISSED: "bold red", OPEN: "yellow", NONE: "dim"}
_SIGNS = {MET: "", MISSED: " ✗", OPEN: " ?", NONE: ""}
LEGEND = (
    "(n) is what the parameters alone need, or where a share lies by this many purchases; "
    "✗ missed, ? not met by too few to say"
)


def by_air(report: PromiseReport) -> Iterator[tuple[str, list[Cell]]]:
    """Yield the cells of each air, in the order of the run."""
    for air in dict.fromkeys(cell.air for cell in report.cells):
        yield air, [cell for cell in report.cells if cell.air == air]


def terminal(report: PromiseReport) -> Iterator[Table]:
    """Yield a table for each air."""
    for air, cells in by_air(report):
        made = tables.table("figure", "goal", *_heads(cells), title=f"The promise, air: {air}")
        for row in _rows(cells):
            styled = [f"[{_STYLES[each.verdict]}]{text(each)}" for each in row]
            made.add_row(row[0].text, goal(row[0]), *styled)
        yield made


def page(report: PromiseReport) -> str:
    """Return the tables in Markdown."""
    return "\n\n".join(
        f"### Air: {air}\n\n" + markdown.table(("figure", "goal", *_heads(cells)), _lines(cells))
        for air, cells in by_air(report)
    )


def breakdown_page(report: PromiseReport, air: str) -> str:
    """Return where the time goes in this air: a table for each stretch, in Markdown."""
    cells = dict(by_air(report))[air]
    stretches = dict.fromkeys(each.stretch for cell in cells for each in cell.breakdowns)
    return "\n\n".join(_stretch(name, cells) for name in stretches)


def goal(figure: PromiseFigure) -> str:
    """Return a goal in its unit: "≤ 0.5 s"."""
    if figure.kind == SHARE:
        return f"≥ {_percent(figure.goal)}"
    if figure.kind == SECONDS:
        return f"≤ {figure.goal:g} s"
    return f"{figure.goal:.0f}" if figure.kind == COUNT else f"≤ {_percent(figure.goal)}"


def text(figure: PromiseFigure) -> str:
    """Return a figure's value, its bound or its interval, and the sign of its verdict."""
    sign = _SIGNS[figure.verdict]
    if figure.verdict == NONE:
        return "–"
    if figure.value is None:
        return f"never{sign}"
    if figure.kind == SECONDS:
        bound = "" if figure.bound is None else f" ({figure.bound:.3f})"
        return f"{figure.value:.3f} s{bound}{sign}"
    if figure.kind == COUNT:
        return f"{figure.value:,.0f} of {figure.of:,}{sign}"
    if figure.kind == SHARE:
        between = f"{_digits(figure.low)} to {_digits(figure.high)}"
        return f"{_percent(figure.value)} ({between}){sign}"
    return f"{_percent(figure.value)}{sign}"


def _stretch(name: str, cells: Sequence[Cell]) -> str:
    found = [each for cell in cells for each in cell.breakdowns if each.stretch == name]
    heads = [
        f"{cell.profile}{', slowest 5 %' if each.slowest else ''}"
        for cell in cells
        for each in cell.breakdowns
        if each.stretch == name
    ]
    parts = dict.fromkeys(part for each in found for part in each.parts)
    rows = [(part, *(_ms(each.parts.get(part, 0.0)) for each in found)) for part in parts]
    rows.append(("together", *(_ms(sum(each.parts.values())) for each in found)))
    return f"**{name}**, mean ms\n\n" + markdown.table(("part", *heads), rows)


def _heads(cells: Sequence[Cell]) -> list[str]:
    return [f"{cell.profile} ({cell.purchases:,})" for cell in cells]


def _rows(cells: Sequence[Cell]) -> Iterator[tuple[PromiseFigure, ...]]:
    """Yield each figure of all cells; all cells have the same figures."""
    yield from zip(*(cell.figures for cell in cells), strict=True)


def _lines(cells: Sequence[Cell]) -> Iterator[list[str]]:
    for row in _rows(cells):
        yield [row[0].text, goal(row[0]), *map(text, row)]


def _percent(share: float) -> str:
    return f"{_digits(share)} %"


def _digits(share: float) -> str:
    """Return a share in per cent, with as many digits as tell it from a whole: "99.952"."""
    return f"{share * 100:.3f}".rstrip("0").rstrip(".")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"
