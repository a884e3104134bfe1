"""Write tables and folded parts in GitHub's Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [_row(heads), "|" + "---|" * len(heads), *map(_row, rows)]
    return "\n".join(lines)


def folded(title: str, text: str) -> str:
    """Return `text` below a title that a reader opens."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"


def code(word: object) -> str:
    return f"`{word}`"


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
