"""Run every step of the build over a program, from its entry to one short source."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from receiver.host.name_map import NameMap

from . import constants, evaluate, forwarders, names, parts, sources, symbols, texts, unused
from .inline import inline
from .merge import Program, merge, qualified
from .name_map import mapped
from .plain import plain
from .sources import Source, Tree

ENTRY = "firmware.device.boot"
# What runs where nothing is sold: started by the loader, and loaded at the first order.
# Entry → the module that a build makes of it.
APART = {"firmware.device.service": "service", "firmware.device.orders": "orders"}
MAIN = "main"  # what the loader imports from either
# Steps in their order; a build may leave some out, to measure the others.
STEPS = ("constants", "programs", "unused", "texts", "inline", "names")
READABLE = STEPS[:3]
_ID_SIZE = 8  # hex digits that name a build in its tracebacks


class Short(NamedTuple):
    """A whole program as one module's source, and what its names and numbers stand for."""

    text: str
    names: NameMap
    build: str


def firmware(
    root: Path,
    target: str,
    excluded: frozenset[str] = frozenset(),
    steps: tuple[str, ...] = STEPS,
    known: Mapping[str, bytes] | None = None,
    *,
    entry: str = ENTRY,
) -> Short:
    """Return the firmware of a target: a module whose `main` runs it.

    `known` gives globals (dotted names) another value than their module does.
    """
    tree = Tree(root, {**sources.facts(target), **(known or {})}, excluded)
    read = sources.closure(tree, entry)
    build = _build(tree, read)
    for source in read:
        plain(source.tree)
    program = merge(tree, read)
    main = ast.Name(qualified(entry, MAIN), ast.Load())
    program.tree.body.append(ast.Assign([ast.Name(MAIN, ast.Store())], main, lineno=0))
    return _shortened(program, root, build, (MAIN,), steps)


def script(root: Path, name: str, steps: tuple[str, ...] = STEPS) -> Short:
    """Return a script of the tests with all that it imports: what it asserts, it still asserts."""
    tree = Tree(root, {**sources.facts("unix"), f"{name}.__name__": "__main__"})
    read = sources.closure(tree, name)
    for source in read:
        plain(source.tree, keep_asserts=True)
    return _shortened(merge(tree, read), root, _build(tree, read), (), steps)


def _shortened(
    program: Program, root: Path, build: str, roots: tuple[str, ...], steps: tuple[str, ...]
) -> Short:
    tree = program.tree
    values = evaluate.evaluate(program, root) if "programs" in steps else {}
    if "names" in steps:
        constants.split(tree, values)
        symbols.mark(tree, values)
    if "constants" in steps:
        constants.fold(program, values)
    if "unused" in steps:
        forwarders.skip(tree)
        unused.drop(tree, roots)
    found = texts.number_texts(tree) if "texts" in steps else []
    if "texts" in steps and "unused" in steps:  # the words of reasons have become useless
        unused.drop(tree, roots)
        constants.fold(program, {})
        unused.drop(tree, roots)
    if "inline" in steps:
        inline(tree, roots)
    kept = (*roots, *parts.NAMES)
    short = names.shorten(tree, kept) if "names" in steps else names.Names({}, {}, {}, {})
    ast.fix_missing_locations(tree)
    return Short(ast.unparse(tree) + "\n", mapped(build, program, short, found), build)


def _build(tree: Tree, read: list[Source]) -> str:
    """Return a name for exactly these sources, built with exactly these tools."""
    total = sha256(f"{sorted(tree.facts.items())} {sorted(tree.excluded)}".encode())
    own = sorted(Path(__file__).parent.glob("*.py"))
    for path in [*own, *(tree.root / source.path for source in read)]:
        content = path.read_bytes()
        total.update(f"{path.name} {len(content)}\n".encode() + content)
    return total.hexdigest()[:_ID_SIZE]
