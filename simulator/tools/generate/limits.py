"""List every named limit with its value and the reason that stands beside it in the source."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .markdown import code, table

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("receiver", "firmware/device", "bridge")
_NAME = re.compile(r"[A-Z][A-Z_]*_(MOST|LEAST|MAX|MIN|MS|S|US)")
_NO_LIMITS = ("DAY_S", "HOUR_S")  # units of time
_UNITS = {"MS": "ms", "S": "s", "US": "µs"}


class Limit(NamedTuple):
    """A constant whose name says that it bounds a size, a number or a time."""

    file: Path
    name: str
    value: int | float
    reason: str


def page() -> str:
    """Return one table for each folder."""
    parts = []
    for folder, found in groupby(limits(), lambda limit: limit.file.parent):
        rows = [
            (code(f"{limit.file.stem}.{limit.name}"), _shown(limit), limit.reason)
            for limit in found
        ]
        parts.append(f"### {folder}/\n\n{table(('limit', 'value', 'reason'), rows)}")
    return "\n\n".join(parts)


def limits() -> list[Limit]:
    """Return all limits, folder by folder."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return [limit for path in sorted(files, key=_place) for limit in _of_file(path)]


def _place(path: Path) -> tuple[str, str]:
    return str(path.parent), path.name


def _of_file(path: Path) -> Iterator[Limit]:
    lines = path.read_text().splitlines()
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) if _is_limit(name):
                value = _value(path, name, node.value)
                if isinstance(value, (int, float)):
                    reason = _reason(lines, node.lineno - 1, (node.end_lineno or 0) - 1)
                    yield Limit(path.relative_to(ROOT), name, value, reason)


def _is_limit(name: str) -> bool:
    return name not in _NO_LIMITS and _NAME.fullmatch(name) is not None


def _value(path: Path, name: str, node: ast.expr) -> object:
    """Return the value; import only where it is computed: a chip's modules need its drivers."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        return getattr(import_module(module), name)


def _reason(lines: list[str], first: int, last: int) -> str:
    """Return the comments above and behind an assignment.

    One without either has the comment above the lines before it, if these have none of their own.
    """
    behind = _behind(lines[last])
    above = _above(lines, first)
    while not behind and not above and first and lines[first - 1] and not _behind(lines[first - 1]):
        first -= 1
        above = _above(lines, first)
    return " ".join(filter(None, [above, behind]))


def _behind(line: str) -> str:
    return line.partition("  # ")[2]


def _above(lines: list[str], at: int) -> str:
    start = at
    while start and lines[start - 1].startswith("# "):
        start -= 1
    return " ".join(line.removeprefix("# ") for line in lines[start:at])


def _shown(limit: Limit) -> str:
    number = f"{limit.value:,g}" if isinstance(limit.value, float) else f"{limit.value:,}"
    if limit.name.endswith("_PER_S"):
        return f"{number} a second"
    return f"{number} {_UNITS.get(limit.name.rpartition('_')[2], '')}".strip()
