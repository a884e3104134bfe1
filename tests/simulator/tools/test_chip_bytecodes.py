"""What functions tell of their bytecodes is what MicroPython's compiler makes of them."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from firmware.tools.compile import ROOT
from simulator.tools.chip import bytecodes
from tests.support.values.micropython import interpreter

FILES = [
    *(path for path in sorted((ROOT / "receiver/crypto").glob("[a-z]*.py")) if path.stem != "host"),
    ROOT / "simulator/tools/bench/plain_arithmetic.py",
    *(
        ROOT / f"receiver/protocol/{name}.py"
        for name in ("exchange", "gatt", "identifiers", "padding", "validation")
    ),
]
INNER = ("<listcomp>", "<genexpr>")


def executed(body: str, *arguments: object) -> int:
    """The bytecodes that a call of `run(a, b)` tells of."""
    tree = ast.parse(f"def run(a, b):\n{body}")
    bytecodes.let_tell(tree, "sample")
    told: list[int] = []

    def counted(weight: int, value: object) -> object:
        told.append(weight)
        return value

    names: dict[str, Any] = {bytecodes.EXECUTED: told.append, bytecodes.COUNTED: counted}
    exec(compile(ast.fix_missing_locations(tree), "sample", "exec"), names)
    found = names["run"](*arguments)
    if hasattr(found, "__next__"):
        list(found)
    return sum(told)


@pytest.mark.parametrize(
    ("body", "arguments", "expected"),
    [
        (" return a + b", (1, 2), 4),  # load, load, add, return
        (" return 2 * 3 + (1 << 9)", (1, 2), 2),  # a constant
        (" a = b", (1, 2), 4),  # load, store; None, return
        (" a, b = b, a", (1, 2), 7),  # load, load, turn, store, store
        (" a[0], a[1] = b", ([0, 0], (1, 2)), 10),
        (" a += b", (1, 2), 6),
        (" a[b] += 1", ([0], 0), 10),
        (" return a[:b]", ("abc", 2), 6),  # None for the start, a slice, an element
        (" return a.index(b)", ([2], 2), 5),
        (" return a or b", (1, 2), 3),
        (" return a or b", (0, 2), 4),
        (" return a is not b", (0, 2), 5),  # compare, then turn
        (" return 0 < a < b", (1, 2), 10),  # `a` twice, below, then two jumps
        (" if not a:\n  return b\n return a", (0, 2), 4),
        (" if a:\n  b = 1\n else:\n  b = 2", (1, 2), 7),
        (" if a:\n  b = 1\n else:\n  b = 2", (0, 2), 6),
        (" while a:\n  a -= 1", (0, 0), 5),
        (" while a:\n  a -= 1", (3, 0), 5 + 3 * 6),
        (" for b in a:\n  pass", ("", 0), 5),
        (" for b in a:\n  pass", ("abc", 0), 5 + 3 * 3),
        (" for b in a:\n  pass\n else:\n  b = 1", ("", 0), 7),
        (" return [b for b in a if b]", ((), 0), 9),
        (" return [b for b in a if b]", ((0, 1), 0), 9 + 4 + 7),
        (" yield a\n yield", (1, 2), 8),
        (" try:\n  raise ValueError\n except ValueError:\n  b = 1", (1, 2), 13),
        (" try:\n  a = b\n finally:\n  b = 1", (1, 2), 9),
    ],
)
def test_each_way_through_a_function(body: str, arguments: tuple[Any, ...], expected: int) -> None:
    assert executed(body, *arguments) == expected


@pytest.mark.parametrize(
    "body", [" return {a: b}", " return lambda: a", " return [a for a in b for b in a]"]
)
def test_what_is_not_weighed_is_refused(body: str) -> None:
    with pytest.raises(ValueError, match=r"sample, line 2: .* has no known cost"):
        executed(body, 1, 2)


def test_all_functions_are_as_long_as_compiled() -> None:
    ours, theirs = Counter[str](), Counter[str]()
    for path in FILES:
        told, compiled = weights(path), listing(path)
        compiled = {name: count for name, count in compiled.items() if name in (*told, *INNER)}
        assert abs(sum(told.values()) - sum(compiled.values())) <= 15, path
        ours.update({f"{path.stem}.{name}": count for name, count in told.items()})
        theirs.update({f"{path.stem}.{name}": count for name, count in compiled.items()})
    assert len(ours) > 100
    assert abs(ours.total() - theirs.total()) < 0.01 * theirs.total()
    close = [name for name in ours if abs(ours[name] - theirs[name]) <= 1]
    assert len(close) > 0.85 * len(ours)


def weights(path: Path) -> Counter[str]:
    """By function, all bytecodes that it can tell of; methods of one name are added up."""
    tree = ast.parse(path.read_text())
    bytecodes.let_tell(tree, str(path))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found = Counter[str]()
    for node in functions:
        found[node.name] += sum(map(weight, ast.walk(node)))
    return found


def weight(node: ast.AST) -> int:
    match node:
        case ast.Call(func=ast.Name(id=bytecodes.EXECUTED | bytecodes.COUNTED)):
            return int(ast.literal_eval(node.args[0]))
    return 0


def listing(path: Path) -> dict[str, int]:
    """By function, the bytecodes that MicroPython makes of it."""
    command = [interpreter(), "-X", "compile-only", "-v", "-v", "-v", str(path)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, int] = {}
    for block in re.split(r"^File .*, code block '", text, flags=re.MULTILINE)[1:]:
        name = block.partition("'")[0]
        found[name] = found.get(name, 0) + len(re.findall(r"^\d+ [A-Z]", block, re.MULTILINE))
    return found
