"""Print figures as a table; write them as JSON."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from rich.console import Console
from rich.table import Table

WIDTH = 136  # at least, so that it is the same in a file or a CI log


def console() -> Console:
    return Console(width=max(Console().width, WIDTH), highlight=False)


def table(*columns: str, title: str = "", words: Collection[str] = ()) -> Table:
    """Make an empty table: the first column and those of `words` hold text, the others numbers."""
    found = Table(title=title, title_justify="left")
    for name in columns:
        is_first = name == columns[0]
        is_text = is_first or name in words
        found.add_column(name, justify="left" if is_text else "right", no_wrap=is_first)
    return found


def number(value: float | None) -> str:
    """Return three figures, of a thousand and more all before the point; empty for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def write(document: object, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n")
