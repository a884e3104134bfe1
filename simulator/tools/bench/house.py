"""Measure the sources: `python -m simulator.tools.bench.house`, `--json` for programs.

The function that counts a number documents it.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

import simulator

ROOT = Path(simulator.__path__[0]).parent
PRODUCT = ("bridge", "receiver", "simulator", "firmware")
TESTS = "tests"
DOCUMENTS = ("docs/*.md", "README.md", "CONTRIBUTING.md")
# Split, since this file is counted as well.
WORDS = ("who" + "ever", *(start + "body" for start in ("no", "some", "any", "every")))
WIDTH = 100  # of output into a file

_WORD = re.compile(rf"\b({'|'.join(WORDS)})\b", re.IGNORECASE)
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    """One Python file; `module` is its dotted name, a package's for an `__init__.py`."""

    module: str
    package: bool
    text: str
    tree: ast.Module


class Figures(NamedTuple):
    """Figures of one folder: `Any` in a thousand lines of text, lengths of functions in lines."""

    files: int
    lines: int
    statements: int
    any_per_thousand: float
    functions: int
    function_median: float
    function_p90: int


class House(NamedTuple):
    """Figures by folder; circles as sorted names of modules; how often each word occurs."""

    folders: dict[str, Figures]
    circles: list[list[str]]
    words: dict[str, dict[str, int]]


def count(root: Path) -> House:
    """Measure the tree at `root`; a missing folder counts as empty."""
    folders = {folder: sources(root, folder) for folder in (*PRODUCT, TESTS)}
    product = [source for folder in PRODUCT for source in folders[folder]]
    documents = [path for pattern in DOCUMENTS for path in sorted(root.glob(pattern))]
    parts = {**{name: folders[name] for name in PRODUCT}, "product": product, TESTS: folders[TESTS]}
    return House(
        {name: figures(part) for name, part in parts.items()},
        circles(product),
        {
            "product": words(source.text for source in product),
            "documents": words(path.read_text() for path in documents),
        },
    )


def sources(root: Path, folder: str) -> list[Source]:
    """Read every Python file below the folder."""
    found = []
    for path in sorted((root / folder).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if package else parts)
        text = path.read_text()
        found.append(Source(module, package, text, ast.parse(text, str(path))))
    return found


def figures(files: Sequence[Source]) -> Figures:
    """Measure these files; every line of text counts."""
    lines = sum(len(file.text.splitlines()) for file in files)
    lengths = sorted(length for file in files for length in function_lengths(file.tree))
    uses = sum(uses_of_any(file.tree) for file in files)
    return Figures(
        files=len(files),
        lines=lines,
        statements=sum(statements(file.tree) for file in files),
        any_per_thousand=1000 * uses / lines if lines else 0.0,
        functions=len(lengths),
        function_median=median(lengths) if lengths else 0.0,
        function_p90=lengths[math.ceil(len(lengths) * 0.9) - 1] if lengths else 0,
    )


def statements(tree: ast.Module) -> int:
    """Count statements; `else` and `except` are parts of theirs, docstrings are none."""
    nodes = list(ast.walk(tree))
    return sum(isinstance(node, ast.stmt) for node in nodes) - sum(map(_has_docstring, nodes))


def _has_docstring(node: ast.AST) -> bool:
    documented = ast.Module | ast.ClassDef | _Function
    return isinstance(node, documented) and ast.get_docstring(node) is not None


def uses_of_any(tree: ast.AST) -> int:
    """Count every `Any` and `typing.Any`, also in quoted types; an import does not count."""
    total = 0
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            total += node.id == "Any"
        elif isinstance(node, ast.Attribute):
            total += node.attr == "Any"
        else:
            total += sum(map(_in_quotes, _types(node)))
    return total


def _types(node: ast.AST) -> Iterator[ast.expr]:
    """Return the types in this node: annotations, and the targets of casts."""
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
        yield node.annotation
    elif isinstance(node, _Function) and node.returns is not None:
        yield node.returns
    elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("cast"):
        yield from node.args[:1]


def _in_quotes(annotation: ast.expr) -> int:
    total = 0
    for node in ast.walk(annotation):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                total += uses_of_any(ast.parse(node.value.strip(), mode="eval"))
            except SyntaxError:
                continue  # text of a Literal
    return total


def function_lengths(tree: ast.Module) -> list[int]:
    """Return lines from `def` to the last line, docstring and inner functions included."""
    return [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, _Function)
    ]


def words(texts: Iterable[str]) -> dict[str, int]:
    """Count each of WORDS in any case, as whole words."""
    found = Counter(word.lower() for text in texts for word in _WORD.findall(text))
    return {word: found[word] for word in WORDS}


def circles(files: Sequence[Source]) -> list[list[str]]:
    """Find modules that import each other while they run, directly or not: each a sorted list."""
    modules = {file.module for file in files}
    edges = {file.module: set(imported(file, modules)) - {file.module} for file in files}
    reached = {module: _reached(module, edges) for module in modules}
    found = {
        tuple(sorted(other for other in reached[module] if module in reached[other]))
        for module in modules
    }
    return sorted(list(circle) for circle in found if len(circle) > 1)


def _reached(start: str, edges: dict[str, set[str]]) -> set[str]:
    """Return what an import of `start` runs; itself only where that leads back."""
    todo, done = list(edges[start]), set[str]()
    while todo:
        module = todo.pop()
        if module not in done:
            done.add(module)
            todo += edges[module]
    return done


def imported(file: Source, modules: set[str]) -> Iterator[str]:
    """Return those of `modules` that this file imports when it runs, also in its functions.

    `from package import name` counts for the module of that name, else for the package's
    `__init__`; the packages above a module do not count.
    """
    for node in _running(file.tree):
        if isinstance(node, ast.Import):
            names = [(alias.name, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(file, node)
            names = [(f"{base}.{alias.name}", base) for alias in node.names]
        else:
            continue
        for name, package in names:
            if name in modules or package in modules:
                yield name if name in modules else package


def _running(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node below, except those for type checkers only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for other in child.orelse:
                yield other
                yield from _running(other)
        else:
            yield child
            yield from _running(child)


def _base(file: Source, node: ast.ImportFrom) -> str:
    """Return the absolute name of the target of a `from`."""
    if not node.level:
        return node.module or ""
    above = file.module.split(".")[: None if file.package else -1]
    package = above[: len(above) - node.level + 1]
    return ".".join([*package, *filter(None, [node.module])])


def show(house: House, console: Console) -> None:
    """Show the figures as tables."""
    table = _table("folder", *Figures._fields)
    for name, row in house.folders.items():
        table.add_row(name, *(f"{value:,.3g}" if value < 1000 else f"{value:,}" for value in row))
    console.print(table)
    table = _table("words in", *WORDS, "all")
    for name, found in house.words.items():
        table.add_row(name, *map(str, found.values()), str(sum(found.values())))
    console.print(table)
    console.print(f"circles of imports: {len(house.circles)}")
    for circle in house.circles:
        console.print(f"  {len(circle)} modules: {', '.join(circle)}")


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name.replace("_", " "), justify="right")
    return table


def as_json(house: House) -> str:
    folders = {name: row._asdict() for name, row in house.folders.items()}
    return json.dumps({**house._asdict(), "folders": folders}, indent=2)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulator.tools.bench.house")
    parser.add_argument("--root", type=Path, default=ROOT, help="of the tree to count")
    parser.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args()
    house = count(arguments.root)
    if arguments.json:
        print(as_json(house))
    else:
        show(house, Console(width=max(Console().width, WIDTH)))


if __name__ == "__main__":
    main()
