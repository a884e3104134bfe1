"""Before and after: for each duration that is promised, from the old value to the new one."""

from __future__ import annotations

import math

from .figures import PromiseFigure
from .report import PromiseReport
from .svg import Drawing

LEFT, WIDTH, RIGHT = 190, 330, 30
TOP, STEP, BELOW, HEAD = 56, 17, 36, 20
SHORTEST, LONGEST = 0.05, 20.0
TICKS_S = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)
COLUMNS = 2
BEFORE, AFTER = 9, 0  # colours
GROUP = 10  # between two airs

Row = tuple[str, str, float | None, float | None]


def draw(before: PromiseReport, after: PromiseReport, keys: tuple[str, ...]) -> str:
    """Draw a panel for each of these figures; "never" stands at the right edge."""
    panels = [(key, _rows(before, after, key)) for key in keys]
    tallest = max(_height(rows) for _, rows in panels)
    lines = -(-len(panels) // COLUMNS)
    width, height = LEFT + WIDTH + RIGHT, TOP + tallest + BELOW
    picture = Drawing(width * COLUMNS, height * lines + HEAD, "Before and after")
    for number, (key, rows) in enumerate(panels):
        left = LEFT + width * (number % COLUMNS)
        top = TOP + height * (number // COLUMNS)
        _panel(picture, left, top, _figure(after, key).text, rows)
        _goal(picture, left, top, _height(rows), _figure(after, key).goal)
    y = height * lines + HEAD - 8
    picture.dot((LEFT, y - 4), BEFORE, hollow=True)
    picture.text((LEFT + 10, y), "before")
    picture.dot((LEFT + 80, y - 4), AFTER)
    picture.text((LEFT + 90, y), "after")
    return picture.source()


def _rows(before: PromiseReport, after: PromiseReport, key: str) -> list[Row]:
    old = {(c.air, c.profile): figure.value for c in before.cells for figure in c.figures
           if figure.key == key and figure.of}  # fmt: skip
    return [
        (cell.air, cell.profile, old[cell.air, cell.profile], figure.value)
        for cell in after.cells
        for figure in cell.figures
        if figure.key == key and figure.of and (cell.air, cell.profile) in old
    ]


def _height(rows: list[Row]) -> float:
    return STEP * len(rows) + GROUP * len({air for air, *_ in rows})


def _figure(report: PromiseReport, key: str) -> PromiseFigure:
    """Return the figure of the first cell: text and goal are those of all."""
    return next(f for cell in report.cells for f in cell.figures if f.key == key)


def _panel(picture: Drawing, left: float, top: float, title: str, rows: list[Row]) -> None:
    picture.text((left, top - 26), title, "title")
    for seconds in TICKS_S:
        x = left + _x(seconds)
        picture.line((x, top - 4), (x, top + _height(rows)))
        picture.text((x, top + _height(rows) + 12), f"{seconds:g}", "small", anchor="middle")
    picture.text((left + WIDTH, top + _height(rows) + 24), "seconds", "small", anchor="end")
    y, last = top, ""
    for air, profile, old, new in rows:
        y += STEP if air == last else STEP + GROUP
        last = air
        picture.text((left - 8, y - 4), f"{air}, {profile}", "small", anchor="end")
        start, end = left + _x(old), left + _x(new)
        picture.line((start, y - 8), (end, y - 8))
        picture.dot((start, y - 8), BEFORE, hollow=True)
        picture.dot((end, y - 8), AFTER)


def _goal(picture: Drawing, left: float, top: float, height: float, limit: float) -> None:
    x = left + _x(limit)
    picture.line((x, top - 10), (x, top + height), "goal dash")
    picture.text((x, top - 13), f"goal {limit:g} s", "small", anchor="middle")


def _x(seconds: float | None) -> float:
    bounded = LONGEST if seconds is None else min(max(seconds, SHORTEST), LONGEST)
    return WIDTH * math.log(bounded / SHORTEST) / math.log(LONGEST / SHORTEST)
