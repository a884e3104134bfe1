"""Draw an SVG that is readable on light and on dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

# Okabe and Ito's colours, which colour-blind people can tell apart; lighter ones on dark pages.
COLOURS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b38600"),
    *("#56b4e9", "#7a5195", "#8c6d31", "#5f9e6e", "#999999"),
)
ON_DARK = (
    *("#4fa8e0", "#ff8a4c", "#35c79a", "#e6a3c8", "#f0c94d"),
    *("#8fd0f5", "#b79ad0", "#cbb27a", "#93cfa2", "#aaaaaa"),
)
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 13px }
.small { font-size: 10.5px; fill: #57606a }
.grid { stroke: #d0d7de; stroke-width: 1 }
.goal { stroke: #24292f; stroke-width: 1.5 }
.curve { fill: none; stroke-width: 2; stroke-linejoin: round }
.dash { stroke-dasharray: 5 3 }
"""
_DARK = """
text { fill: #e6edf3 }
.small { fill: #9198a1 }
.grid { stroke: #3d444d }
.goal { stroke: #e6edf3 }
"""

Point = tuple[float, float]


class Drawing:
    """A picture of this size; coordinates are pixels from the upper left corner."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self._svg = Element(
            "svg",
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {_number(width)} {_number(height)}",
            width=_number(width),
            height=_number(height),
            role="img",
        )
        SubElement(self._svg, "title").text = title
        SubElement(self._svg, "style").text = _stylesheet()

    def line(self, start: Point, end: Point, style: str = "grid") -> None:
        (x1, y1), (x2, y2) = start, end
        self._add("line", style, x1=x1, y1=y1, x2=x2, y2=y2)

    def curve(self, points: Sequence[Point], colour: int) -> None:
        """Draw a line through these points in the colour of this number."""
        path = " ".join(f"{_number(x)},{_number(y)}" for x, y in points)
        self._add("polyline", f"curve s{colour % len(COLOURS)}").set("points", path)

    def bar(self, corner: Point, width: float, height: float, colour: int, *, note: str) -> None:
        """Fill a rectangle; `note` is shown where a pointer rests on it."""
        x, y = corner
        made = self._add("rect", f"f{colour % len(COLOURS)}", x=x, y=y, width=width, height=height)
        SubElement(made, "title").text = note

    def dot(self, centre: Point, colour: int, *, radius: float = 4, hollow: bool = False) -> None:
        kind = "curve s" if hollow else "f"
        self._add("circle", f"{kind}{colour % len(COLOURS)}", cx=centre[0], cy=centre[1], r=radius)

    def text(self, at: Point, words: str, style: str = "", *, anchor: str = "start") -> None:
        made = self._add("text", style, x=at[0], y=at[1])
        made.set("text-anchor", anchor)
        made.text = words

    def source(self) -> str:
        """Return the file's text."""
        ElementTree.indent(self._svg, space="")
        return ElementTree.tostring(self._svg, encoding="unicode") + "\n"

    def _add(self, kind: str, style: str, **places: float) -> Element:
        made = SubElement(self._svg, kind, {name: _number(at) for name, at in places.items()})
        if style:
            made.set("class", style)
        return made


def _stylesheet() -> str:
    dark = f"@media (prefers-color-scheme: dark) {{{_DARK}{_series(ON_DARK)}}}"
    return f"{_STYLE}{_series(COLOURS)}{dark}\n"


def _series(colours: Sequence[str]) -> str:
    strokes = (f".s{number} {{ stroke: {colour} }}\n" for number, colour in enumerate(colours))
    fills = (f".f{number} {{ fill: {colour} }}\n" for number, colour in enumerate(colours))
    return "".join((*strokes, *fills))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
