"""What portable code costs on a chip is counted, not guessed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from receiver.crypto import chacha, field, x25519
from receiver.crypto.job import finish
from receiver.crypto.twins import chacha20
from receiver.crypto.twins import field as twin
from simulator.tools.chip import interpreter, operators

pytestmark = pytest.mark.emulator

PRIVATE = bytes(range(32))
SOURCE = """
BASE = 1 << 200

def product(a, b, m):
    return a * b % m

def small(a, b):
    return a * b + (a << 3) - (1 << 40)

def grows(data, more):
    data += more
    return data

def shifts(a):
    count = 0
    while a:
        a >>= 100
        count += 1
    return [count for _ in (1, 2) if a ^ BASE]

def raised(a, e, m):
    return pow(a, e, m)

def parted(a, b):
    return divmod(a, b)

class Thing:
    def twice(self, a):
        return a + a

def turns(n):
    for _ in range(n):
        pass
"""


@pytest.fixture
def module(tmp_path: Path) -> ModuleType:
    path = tmp_path / "sample.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location("sample", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextmanager
def listening(module: ModuleType) -> Iterator[list[Any]]:
    """What is told meanwhile: operator, times, instructions."""
    heard: list[Any] = []
    with operators.told(module, lambda *told: heard.append(told), lambda _bytecodes: None):
        yield heard


def test_a_turn_of_a_loop_costs_what_was_measured(module: ModuleType) -> None:
    counts = [interpreter.count(module.turns, n, beside=[module]).bytecodes for n in (10, 110)]
    turn = (counts[1] - counts[0]) / 100 * interpreter.BYTECODE
    assert abs(turn - interpreter.EMPTY_TURN) < 0.05 * interpreter.EMPTY_TURN


def test_only_our_files_count() -> None:
    assert interpreter.count(lambda: sum(i * i for i in range(100))).instructions == 0


def test_one_more_file_counts_on_request(module: ModuleType) -> None:
    work = interpreter.count(module.product, 1 << 99, 1 << 99, (1 << 99) - 1, beside=[module])
    assert work.bytecodes == 6  # load three times, multiply, divide, return
    assert work.big == {"*": 1, "%": 1}


def test_a_twin_counts_in_its_kernels_place() -> None:
    work = interpreter.count(chacha.seal, bytes(32), bytes(12), b"", b"", beside=[chacha20])
    assert set(work.kernel_calls) == {"poly1305.start", "poly1305.absorb", "poly1305.finish"}
    assert work.big["^"] > 0
    assert work.bytecodes > 5_000


def test_kernels_run_as_on_the_chip() -> None:
    """The result is the twin's, the count that of the machine code."""
    results: list[bytes] = []
    work = interpreter.count(lambda: results.append(finish(x25519.public_job(PRIVATE))))
    assert results == [finish(x25519.public_job(PRIVATE))]
    assert vars(field)["run"] is twin.run  # as before
    assert work.kernel_calls["field.run"] > 250
    assert work.kernel_instructions["field.run"] > 1_000_000
    calls = work.kernel_calls.total() * interpreter.VIPER_CALL
    outside = work.bytecodes * interpreter.BYTECODE + calls + work.big_instructions
    assert work.interpreter == outside
    assert work.instructions == outside + work.kernel_instructions.total()


def test_slices_are_the_whole() -> None:
    whole = interpreter.count(lambda: finish(x25519.public_job(PRIVATE)))
    slices = interpreter.slices(x25519.public_job, PRIVATE)
    assert len(slices) > 2
    kernels = sum(work.kernel_instructions.total() for work in slices)
    assert kernels == whole.kernel_instructions.total()
    assert sum([work.big for work in slices], start=type(whole.big)()) == whole.big
    assert 0 <= whole.bytecodes - sum(work.bytecodes for work in slices) < 200  # `finish`


def test_modular_products_cost_what_was_measured(module: ModuleType) -> None:
    a, m = 2**256 - 1, 2**255 + 95
    with listening(module) as heard:
        assert module.product(a, a, m) == a * a % m
    assert [sign for sign, _, _ in heard] == ["*", "%"]
    assert sum(cost for *_, cost in heard) == operators.MODULAR_PRODUCT


def test_words_are_not_told(module: ModuleType) -> None:
    with listening(module) as heard:
        assert module.small(3, 5) == 15 + 24 - (1 << 40)
        assert module.grows(b"a" * 99, b"b") == b"a" * 99 + b"b"
        assert module.Thing().twice("ab") == "abab"
    assert [sign for sign, _, _ in heard] == ["-"]


def test_changes_in_place_stay_in_place(module: ModuleType) -> None:
    data = bytearray(b"a")
    with listening(module):
        assert module.grows(data, b"b") is data
    assert data == b"ab"


def test_every_place_is_told(module: ModuleType) -> None:
    """Loops, comprehensions, methods and powers."""
    with listening(module) as heard:
        assert module.shifts(1 << 150) == [2, 2]
        assert module.Thing().twice(1 << 99) == 1 << 100
        assert module.raised(3, 0b1011, 2**255 - 19) == 3**11
        assert module.parted(1 << 99, 7) == divmod(1 << 99, 7)
        assert module.parted(30, 7) == (4, 2)
    assert [item[:2] for item in heard] == [
        (">>", 1),
        (">>", 1),
        ("^", 1),
        ("^", 1),
        ("+", 1),
        ("pow", 6),
        ("divmod", 1),
    ]
    assert heard[0][2] == operators.SUM


def test_modules_are_left_as_they_were(module: ModuleType) -> None:
    before = {name: getattr(value, "__code__", value) for name, value in vars(module).items()}
    with listening(module):
        assert module.product.__code__ is not before["product"]
    after = {name: getattr(value, "__code__", value) for name, value in vars(module).items()}
    assert after == before
