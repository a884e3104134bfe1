"""Where the time goes, as bars: one for each profile, and one for its slowest purchases."""

from __future__ import annotations

from collections.abc import Sequence

from .breakdown import Breakdown
from .report import Cell, PromiseReport
from .svg import COLOURS, Drawing
from .table import by_air

LEFT, WIDTH, RIGHT = 190, 620, 70
TOP, BAR, STEP, TITLE, LEGEND = 24, 14, 19, 34, 22
ACROSS = 4  # entries of a legend in one line


def draw(report: PromiseReport, air: str) -> str:
    """Draw every stretch of this air below each other, each on a scale of its own."""
    cells = dict(by_air(report))[air]
    stretches = list(dict.fromkeys(each.stretch for cell in cells for each in cell.breakdowns))
    rows = {name: _rows(cells, name) for name in stretches}
    heights = {name: _height(found) for name, found in rows.items()}
    title = f"Where the time goes, air: {air}"
    picture = Drawing(LEFT + WIDTH + RIGHT, TOP + sum(heights.values()), title)
    everything = _parts([each for found in rows.values() for each in found])
    y = float(TOP)
    for name, found in rows.items():
        colours = _colours(_parts(found), everything)
        _stretch(picture, y, f"{name}, air: {air}, mean", (found, colours))
        y += heights[name]
    return picture.source()


Labelled = tuple[str, Breakdown]


def _rows(cells: Sequence[Cell], stretch: str) -> list[Labelled]:
    return [
        (f"{cell.profile}{', slowest 5 %' if each.slowest else ''}", each)
        for cell in cells
        for each in cell.breakdowns
        if each.stretch == stretch
    ]


def _height(found: Sequence[Labelled]) -> float:
    return TITLE + STEP * len(found) + LEGEND * -(-len(_parts(found)) // ACROSS) + 12


def _parts(found: Sequence[Labelled]) -> list[str]:
    return list(dict.fromkeys(part for _, each in found for part in each.parts))


def _colours(parts: Sequence[str], everything: Sequence[str]) -> dict[str, int]:
    """Give each part its own colour, the same in every stretch where there are enough."""
    found: dict[str, int] = {}
    for part in parts:
        first = everything.index(part)
        free = (first + step for step in range(len(COLOURS)))
        taken = {colour % len(COLOURS) for colour in found.values()}
        found[part] = next((one for one in free if one % len(COLOURS) not in taken), first)
    return found


def _stretch(
    picture: Drawing, top: float, title: str, shown: tuple[Sequence[Labelled], dict[str, int]]
) -> None:
    found, colours = shown
    picture.text((10, top), title, "title")
    longest = max(sum(each.parts.values()) for _, each in found) or 1.0
    y = top + 14
    for label, each in found:
        picture.text((LEFT - 8, y + BAR - 3), label, "small" if each.slowest else "", anchor="end")
        _bar(picture, y, each, WIDTH / longest, colours)
        y += STEP
    for number, part in enumerate(colours):
        x = LEFT + (number % ACROSS) * WIDTH / ACROSS
        at = y + 6 + LEGEND * (number // ACROSS)
        picture.bar((x, at), 12, 12, colours[part], note=part)
        picture.text((x + 17, at + 10), part, "small")


def _bar(
    picture: Drawing, y: float, each: Breakdown, scale: float, colours: dict[str, int]
) -> None:
    x = float(LEFT)
    for part, seconds in each.parts.items():
        note = f"{part}: {seconds * 1000:.1f} ms"
        picture.bar((x, y), seconds * scale, BAR, colours[part], note=note)
        x += seconds * scale
    picture.text((x + 6, y + BAR - 3), f"{sum(each.parts.values()) * 1000:.0f} ms", "small")
