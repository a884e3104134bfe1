"""List the names to which Python or MicroPython gives a meaning: the build never changes these.

Every attribute of every module that the device imports, and of every class in it, as MicroPython's
stubs declare them; and the built-in types of this Python, and its asyncio, which those lack.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import keyword
import types
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from .walking import walk

STUBS = Path(__file__).resolve().parents[3] / "build/stubs"  # made by `make check`, pinned
# What the device's modules import (tests/architecture/test_imports.py).
MODULES = (
    *("binascii", "bluetooth", "collections", "esp32", "gc", "hashlib", "io", "machine"),
    *("micropython", "neopixel", "os", "select", "sys", "time"),
)
_TYPES = (
    *(BaseException, OSError, StopIteration, bool, bytearray, bytes, dict, float, frozenset, int),
    *(list, memoryview, object, property, range, set, slice, str, tuple, type),
    *(types.FunctionType, types.GeneratorType),
)
WORDS = frozenset((*dir(builtins), *keyword.kwlist, *keyword.softkwlist, "const"))


@cache
def attributes() -> frozenset[str]:
    """Return the names that stay as attributes, wherever they are used."""
    if not STUBS.is_dir():
        raise SystemExit(f"{STUBS} is missing: `make check` makes it")
    classes = (each for each in vars(asyncio).values() if isinstance(each, type))
    found = {name for each in (*_TYPES, *classes) for name in dir(each)}
    for module in MODULES:
        for path in _stubs(module):
            found.update(_declared(ast.parse(path.read_text())))
    return frozenset(found)


def _stubs(module: str) -> Iterator[Path]:
    for folder in (STUBS, STUBS / "stdlib"):
        yield from sorted(folder.glob(f"{module}.pyi"))
        yield from sorted(folder.glob(f"{module}/**/*.pyi"))


def _declared(tree: ast.Module) -> Iterator[str]:
    for node in walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
