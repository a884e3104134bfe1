"""Render tables and findings: in colour on a terminal, else as plain lines of any length."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

PLAIN_WIDTH = 400  # columns off a terminal, where nothing is cut or wrapped
OK, FAILED = "ok", "FAILED"
_STYLES = {OK: "green", FAILED: "bold red"}


class Finding(NamedTuple):
    """The result of one check; `todo` is the remedy, `figures` are what was measured."""

    what: str
    ok: bool
    detail: str
    todo: str = ""
    figures: dict[str, float] = {}  # noqa: RUF012 - a default that nothing changes

    @property
    def word(self) -> str:
        return OK if self.ok else FAILED


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    shown = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for column in shown.columns:
        column.no_wrap = not sys.stdout.isatty()
    for row in rows:
        shown.add_row(*(Text(printable(cell), _STYLES.get(cell, "")) for cell in row))
    return _lines(shown)


def findings(found: Iterable[Finding]) -> Iterator[str]:
    """Yield a line for each finding, and one for what to do about it."""
    for finding in found:
        word = Text(f"{finding.word:7}", _STYLES[finding.word])
        yield from _lines(word + Text(printable(f"{finding.what}: {finding.detail}")))
        if finding.todo:
            yield f"{'':7}→ {printable(finding.todo)}"


def printable(text: str) -> str:
    """Return text from a wire without what would move the cursor or hide the rest."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def _lines(shown: Table | Text) -> list[str]:
    on_terminal = sys.stdout.isatty()
    text = io.StringIO()
    width = None if on_terminal else PLAIN_WIDTH
    console = Console(file=text, force_terminal=on_terminal, width=width, highlight=False)
    console.print(shown, soft_wrap=isinstance(shown, Text))
    return [line.rstrip() for line in text.getvalue().splitlines()]
