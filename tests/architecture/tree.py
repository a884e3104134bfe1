"""The tree as the tests of its shape see it: files, modules, imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("receiver", "firmware", "bridge", "simulator")


class Import(NamedTuple):
    """One imported module or name: `from a import b` counts as a.b, with the file it stands in."""

    file: Path
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line} imports {self.name}"

    def within(self, *prefixes: str) -> bool:
        """Whether the name is one of these modules or lies inside one."""
        return any(f"{self.name}.".startswith(f"{prefix}.") for prefix in prefixes)

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]


def files(*folders: str) -> list[Path]:
    """Every Python file below these folders, or the files themselves."""
    found = [path for folder in folders for path in (ROOT / folder, *(ROOT / folder).rglob("*.py"))]
    return sorted(path for path in found if path.suffix == ".py")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def imports(*folders: str) -> list[Import]:
    """Every import below these folders, wherever it stands in its file."""
    return [found for path in files(*folders) for found in _imports(path)]


def _imports(path: Path) -> Iterator[Import]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = _base(path, node)
            for alias in node.names:
                yield Import(path, node.lineno, f"{base}.{alias.name}")


def _base(path: Path, node: ast.ImportFrom) -> str:
    """The absolute name of what a `from` names."""
    if not node.level:
        return node.module or ""
    package = path.relative_to(ROOT).with_suffix("").parts[: -node.level]
    return ".".join((*package, *filter(None, [node.module])))


def constants(path: Path) -> Iterator[tuple[int, object]]:
    """Line and value of every literal that is no docstring."""
    strings = {id(node.value) for node in ast.walk(parsed(path)) if isinstance(node, ast.Expr)}
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Constant) and id(node) not in strings:
            yield node.lineno, node.value
