"""A function whose only call is replaced does there what it did, in the same order."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from firmware.tools.bundle.frames import WORDS_MOST, words
from firmware.tools.bundle.inline import inline
from tests.firmware.tools.bundle.small import Small

PROGRAM = """
from receiver.shop import Desk, Till, log

def absent():
    return None

def classified(value):
    if value < 0:
        return "below"
    if value:
        size = value * 10
        return "above %d" % size
    return "none"

def noted(text):
    log.append(text)
    if len(text) > 4:
        return
    log.append(text + "!")

def ordered(first, second, third=3):
    return (third, second, first)

def searched(values, wanted):
    for at, value in enumerate(values):
        if value == wanted:
            return at
    return -1

def parsed(text):
    try:
        return int(text)
    except ValueError as error:
        return repr(error)

def doubled(values):
    total = 0
    for value in values:
        total += value
    return [value * 2 for value in values], total

def steps(count):
    for number in range(count):
        yield number
    if count > 2:
        return "many"
    return "few"

def job(count):
    said = yield from steps(count)
    yield said

def use(value):
    size = 7
    noted("desk")
    noted_in = classified(value)
    values, total = doubled([value, size])
    if searched(values, 14) >= 0 and absent() is None:
        log.append("found")
    return noted_in, values, total, ordered(second=log.append(2), first=log.append(1)), size

def outer(text):
    return parsed(text)

desk = Desk(Till())
print([use(value) for value in (-1, 0, 3)], list(job(1)), list(job(3)))
print(outer("12"), outer("x"), desk.sold(4), desk.sold(-4), log)
"""
SHOP = """
log = []

class Till:
    def __init__(self):
        self.sum = 0

    def taken(self, amount):
        self.sum += amount
        return self.sum

    def opened(self):
        log.append("opened")
        return self

class Desk:
    def __init__(self, till):
        self.till = till
        self.last = ""

    def sold(self, amount):
        if self._refuses(amount):
            return self.last
        return self.till.opened().taken(amount), self._named()

    def _refuses(self, amount):
        self.last = "refused" if amount < 0 else "sold"
        return amount < 0

    def _named(self):
        return "%s of %d" % (self.last, self.till.sum)
"""


def test_a_program_does_the_same(tmp_path: Path) -> None:
    small = Small(tmp_path, PROGRAM, receiver__shop=SHOP)
    steps = ("constants", "unused", "inline")
    assert small.before() == small.after(*steps) == small.after()
    built = small.built(*steps)
    for moved in ("classified", "noted", "doubled", "steps", "_refuses", "_named"):
        assert f"def {moved}" not in built, moved
        assert f"__{moved}(" not in built, moved
    assert "__searched(" in built  # it returns from inside a loop


def _after(text: str, *roots: str) -> str:
    tree = ast.parse(text)
    inline(tree, roots)
    return ast.unparse(ast.fix_missing_locations(tree))


@pytest.mark.parametrize(
    "text",
    [
        "def f():\n    return 1\ndef g():\n    return f() + f()",  # two calls
        "def f():\n    return 1\ndef g():\n    return [f]",  # handed on
        "def f():\n    return f()",
        "def f(*all):\n    return all\ndef g():\n    return f(1)",
        "def f():\n    global a\n    a = 1\ndef g():\n    f()",
        "def f(x):\n    return lambda: x\ndef g():\n    return f(1)",
        "def f(x):\n    yield x\ndef g():\n    return f(1)",  # a generator that others drive
        "def f(x):\n    return getattr(x, x.name)\ndef g(y):\n    return f(y)",
        "def f():\n    return len(a)\ndef g(len):\n    return f()",  # another `len` there
        "class A:\n    def f(self):\n        return 1\n"
        "class B:\n    def f(self):\n        return 2\n"
        "def g(a):\n    return a.f()",
        "class A:\n    def append(self):\n        return 1\ndef g(a):\n    return a.append()",
        "class A:\n    def f(self):\n        return 1\ndef g(a):\n    a.f = h\n    return a.f()",
        # What it does would come before `k`, or before the attribute that it may change.
        "def f(x):\n    x.y = 1\n    return x\ndef g(x):\n    return k(x) + f(x)",
        "def f(x):\n    x.y = 1\n    return x\ndef g(x):\n    return [x.y.z, f(x)]",
        "def f(x):\n    while x:\n        return x\ndef g(x):\n    y = f(x)\n    return y",
    ],
)
def test_what_stays(text: str) -> None:
    assert _after(text) == ast.unparse(ast.parse(text))


def test_a_root_stays() -> None:
    text = "def f():\n    return 1\n\ndef g():\n    return f()"
    assert _after(text, "f") == text
    assert _after(text) == "def g():\n    return 1"


def test_what_is_returned_may_return_anywhere() -> None:
    text = "def f(x):\n    while x:\n        return x\n"
    text += "\ndef g(x):\n    if x:\n        return f(x)\n    h()"
    within = "        while x:\n            return x\n        return\n    h()"
    assert _after(text) == f"def g(x):\n    if x:\n{within}"


def test_arguments_are_evaluated_once_and_in_order() -> None:
    text = "def f(a, b):\n    return [b, a, b]\ndef g():\n    return f(h(), k())"
    found = _after(text)
    assert found.index("h()") < found.index("k()") < found.index("return")
    assert found.count("h()") == found.count("k()") == 1


def test_no_frame_leaves_the_stack() -> None:
    """A frame on the stack stays there; one in the heap may grow."""
    large = "    a, b, c, d, e, f, g, h = x\n    return k(a, b, c, d, e, f, g, h)\n"
    callee = f"def callee(x):\n{large}"
    small = "def caller(x):\n    y = callee(x)\n    return y\n"
    assert "def callee" in _after(callee + small)
    grown = f"def caller(x):\n    m, n, o, p, q, r, s = t = callee(x)\n{large}"
    tree = ast.parse(grown).body[0]
    assert isinstance(tree, ast.FunctionDef)
    assert words(tree) > WORDS_MOST + 2
    assert "def callee" not in _after(callee + grown)
