"""Cumulative distributions of the time until the offer: one panel for each air."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from .figures import PromiseFigure
from .goals import SECONDS, goals
from .report import Cell, PromiseReport
from .svg import Drawing, Point
from .table import by_air

WIDTH, HEIGHT = 300, 260  # of a panel's axes
LEFT, TOP, GAP, BELOW = 48, 52, 56, 58
SHORTEST, LONGEST = 0.02, 20.0  # seconds on the horizontal axis
TICKS_S = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
TICKS_SHARE = (0.01, 0.1, 0.5, 0.9, 0.95, 0.99)
OUTERMOST = 0.995  # the last quantile before the whole
_NORMAL = NormalDist()
_RANGE = _NORMAL.inv_cdf(OUTERMOST)


def draw(report: PromiseReport, stretch: str, key: str) -> str:
    """Draw one stretch; `key` begins the names of its goals. Both axes are stretched.

    Time is logarithmic, and shares are those of a normal distribution: the tail can be read.
    """
    panels = list(by_air(report))
    width = LEFT + len(panels) * (WIDTH + GAP)
    picture = Drawing(width, TOP + HEIGHT + BELOW, f"{stretch}: cumulative distributions")
    for number, (air, cells) in enumerate(panels):
        _panel(picture, LEFT + number * (WIDTH + GAP), f"{stretch}, air: {air}", cells)
        _goals(picture, LEFT + number * (WIDTH + GAP), cells[0].figures, air, key)
        for colour, cell in enumerate(cells):
            curve = _curve(LEFT + number * (WIDTH + GAP), cell.distributions.get(stretch, []))
            picture.curve(curve, colour)
    _legend(picture, panels[0][1], TOP + HEIGHT + BELOW - 10)
    return picture.source()


def _panel(picture: Drawing, left: float, title: str, cells: Sequence[Cell]) -> None:
    picture.text((left, TOP - 30), title, "title")
    for seconds in TICKS_S:
        x = left + _x(seconds)
        picture.line((x, TOP), (x, TOP + HEIGHT))
        picture.text((x, TOP + HEIGHT + 14), f"{seconds:g}", "small", anchor="middle")
    picture.text((left + WIDTH, TOP + HEIGHT + 28), "seconds", "small", anchor="end")
    for share in TICKS_SHARE:
        y = TOP + _y(share)
        picture.line((left, y), (left + WIDTH, y))
        picture.text((left - 6, y + 4), f"{share * 100:g} %", "small", anchor="end")


def _goals(
    picture: Drawing, left: float, found: Sequence[PromiseFigure], air: str, key: str
) -> None:
    """Draw each goal as a line that the curves must cross: to its limit, at its share."""
    shown = {figure.key for figure in found}
    for goal in goals(air):
        is_this = goal.kind == SECONDS and goal.key.rpartition("_")[0] == key
        if is_this and goal.key in shown:
            x, y = left + _x(goal.limit), TOP + _y(goal.share)
            picture.line((left, y), (x, y), "goal dash")
            picture.line((x, y - 6), (x, y + 6), "goal")


def _curve(left: float, values: Sequence[float | None]) -> list[Point]:
    last = max(1, len(values) - 1)
    return [
        (left + _x(seconds), TOP + _y(index / last))
        for index, seconds in enumerate(values)
        if seconds is not None and 1 - OUTERMOST <= index / last <= OUTERMOST
    ]


def _legend(picture: Drawing, cells: Sequence[Cell], y: float) -> None:
    x = float(LEFT)
    for colour, cell in enumerate(cells):
        picture.curve([(x, y - 4), (x + 22, y - 4)], colour)
        picture.text((x + 28, y), cell.profile)
        x += 48 + 7 * len(cell.profile)
    picture.line((x, y - 4), (x + 22, y - 4), "goal dash")
    picture.line((x + 22, y - 10), (x + 22, y + 2), "goal")
    picture.text((x + 30, y), "goal: curves cross the line")


def _x(seconds: float) -> float:
    """Return the distance from the left edge; what lies outside stands at the edge."""
    bounded = min(max(seconds, SHORTEST), LONGEST)
    return WIDTH * math.log(bounded / SHORTEST) / math.log(LONGEST / SHORTEST)


def _y(share: float) -> float:
    """Return the distance from the upper edge."""
    bounded = min(max(share, 1 - OUTERMOST), OUTERMOST)
    return HEIGHT * (_RANGE - _NORMAL.inv_cdf(bounded)) / (2 * _RANGE)
