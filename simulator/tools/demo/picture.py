"""Write the demo's output as an SVG picture, for the README."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

WIDTH = 100  # columns: the longest line of a plain purchase has 92
_NAME = "demo"  # prefix of ids and classes: a new picture differs in its text alone
_TITLE = "tillsign demo"
# Rich's own format loads a font from the network, and so would every page with the picture.
_FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px / {line_height}px ui-monospace, monospace; }}
.{unique_id}-title {{ font: bold 18px sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def write(console: Console, path: Path) -> None:
    """Write everything that `console` has recorded to `path`."""
    path.write_text(console.export_svg(title=_TITLE, code_format=_FORMAT, unique_id=_NAME))
