"""The emulator sees what a chip would do, and what a chip would let pass."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import pytest
from unicorn import unicorn_const as uni

from simulator.tools import chip
from simulator.tools.chip import build, emulator

KERNELS = """
import micropython

pytestmark = pytest.mark.emulator

BIG = 12345678901234567890  # a constant before the function table

@micropython.viper
def product(a: int, b: int) -> int:
    return a * b

@micropython.viper
def natural(a: uint) -> uint:
    return a - 1

@micropython.viper
def all_ones(p: ptr32) -> bool:
    return p[0] == -1

def plain():
    return BIG

@micropython.viper
def nothing():
    pass

@micropython.viper
def count(n: int):
    i = 0
    while i < n:
        i += 1

@micropython.viper
def fill(p: ptr32, n: int):
    for i in range(n):
        p[i] = i

@micropython.viper
def peek(p: ptr8, at: int) -> int:
    return p[at]

@micropython.viper
def halfway(p: ptr8):
    q = ptr32(int(p) + 2)
    q[0] = 1

@micropython.viper
def copy(p: ptr8, q: ptr8, n: int):
    for i in range(0, n, 2):
        p[i] = 1
        q[i + 1] = p[i + 1] + q[i]

@micropython.viper
def untyped(buffer, at: int):
    p = ptr16(buffer)
    p[at] = 7

@micropython.viper
def calls(p: ptr8, n: int):
    p[0] = n // 3

@micropython.viper
def looks_up(p: ptr8):
    p[0] = int(BIG)

@micropython.viper
def hands_on(buffer):
    return buffer

@micropython.viper
def forever():
    while True:
        pass
"""
# More than a page of code with a branch on every line.
WIDE = "".join(
    [
        "\n@micropython.viper\ndef wide(p: ptr32, n: int):\n",
        *(f"    if p[{i % 8}] > n:\n        p[{i % 8}] -= 1\n" for i in range(600)),
    ]
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("chip") / "sample.py"
    path.write_text(KERNELS + WIDE)
    return path


def test_products_wrap_at_32_bits(path: Path) -> None:
    product = chip.kernel(path, "product")
    assert product.call(0x10001, 0x10001) == 0x20001
    assert product.call(0x8000, 0x10000) == -(2**31)
    assert product.call(-3, 5) == -15


def test_results_keep_their_type(path: Path) -> None:
    assert chip.kernel(path, "natural").call(0) == 0xFFFFFFFF
    assert chip.kernel(path, "nothing").call() is None


def test_a_loaded_word_is_signed(path: Path) -> None:
    all_ones = chip.kernel(path, "all_ones")
    assert all_ones.call(b"\xff\xff\xff\xff") == 1
    assert all_ones.call(b"\xff\xff\xff\x7f") == 0


def test_buffers_of_every_kind_are_changed_in_place(path: Path) -> None:
    words, data = array("I", [9] * 4), bytearray(b"\x09" * 16)
    fill = chip.kernel(path, "fill")
    fill.call(words, 3)
    fill.call(memoryview(data)[4:], 2)
    assert list(words) == [0, 1, 2, 9]
    assert data == b"\x09" * 4 + bytes(4) + b"\x01\0\0\0" + b"\x09" * 4
    chip.kernel(path, "untyped").call(data, 7)
    assert data[14:] == b"\x07\0"


def test_large_buffers_follow_small_ones(path: Path) -> None:
    fill = chip.kernel(path, "fill")
    for size in (1, 2000, 3, 5000):
        words = array("I", bytes(4 * size))
        fill.call(words, size)
        assert list(words) == list(range(size))


@pytest.mark.parametrize(
    ("name", "arguments", "fault"),
    [
        ("fill", (bytearray(40), 11), "write of 4 bytes at 40 of a buffer of 40"),
        ("fill", (bytearray(4096), 1025), "write of 4 bytes at 4096 of a buffer of 4096"),
        ("fill", (bytearray(2), 1), "write of 4 bytes at 0 of a buffer of 2"),
        ("fill", (bytearray(), 1), "write of 4 bytes at 0 of a buffer of 0"),
        ("peek", (bytearray(33), 33), "read of 1 bytes at 33 of a buffer of 33"),
        ("peek", (bytearray(33), -1), "read of 1 bytes at -1 of a buffer of 33"),
        ("peek", (bytearray(33), 0x100000), "outside every buffer"),
        ("fill", (bytes(4), 1), "write of 4 bytes at 0 of a read-only buffer"),
        ("halfway", (bytearray(8),), "at 2, which is not aligned"),
        ("fill", (memoryview(bytearray(8))[2:6], 1), "at 0, which is not aligned"),
        ("calls", (bytearray(1), 3), "entry 46 of the interpreter's function table"),
        ("looks_up", (bytearray(1),), "entry 5 of the interpreter's function table"),
        ("hands_on", (bytearray(1),), "the result is neither a number nor None"),
        ("product", (1,), "does not take 1 arguments"),
        ("product", (1, bytearray(4)), "argument 1 is a buffer"),
        ("fill", (1, 1), "argument 0 is a number"),
    ],
)
def test_what_a_chip_would_let_pass_is_a_fault(
    path: Path, name: str, arguments: tuple[Any, ...], fault: str
) -> None:
    before = [bytes(item) for item in arguments if not isinstance(item, int)]
    with pytest.raises(chip.KernelFault, match=fault):
        chip.kernel(path, name).call(*arguments)
    assert [bytes(item) for item in arguments if not isinstance(item, int)] == before


def test_a_kernel_is_sound_after_a_fault(path: Path) -> None:
    peek = chip.kernel(path, "peek")
    with pytest.raises(chip.KernelFault):
        peek.call(b"abc", 3)
    assert peek.call(b"abc", 2) == ord("c")


def test_one_memory_is_one_memory(path: Path) -> None:
    """A buffer handed in twice is the same on the chip; half the same is not supported."""
    data = bytearray(b"\xff" * 8)
    memory = memoryview(data)
    chip.kernel(path, "copy").call(data, memory, 8)
    assert data == b"\x01\0" * 4  # 0xff + 1 of what was written through the other pointer
    chip.kernel(path, "copy").call(memory[:4], memory[4:], 4)
    with pytest.raises(ValueError, match="overlap"):
        chip.kernel(path, "copy").call(memory[:4], memory[2:], 2)


def test_endless_loops_end(path: Path) -> None:
    function = build.functions(path, "rv32imc")["forever"]
    kernel = emulator.Kernel(function, limit=1000)
    with pytest.raises(chip.KernelFault, match="more than 1000 instructions"):
        kernel.call()


def test_a_loop_costs_what_its_listing_says(path: Path) -> None:
    """41 around it (27 to the first test, 3 for the last, 11 after), 7 for each turn."""
    count = chip.kernel(path, "count")
    for turns in (0, 1, 2, 1000):
        count.call(turns)
        assert count.instructions == 41 + 7 * turns


def test_blocks_count_as_single_steps_do(path: Path) -> None:
    """Also where code crosses pages, and whichever way the branches go."""
    wide = chip.kernel(path, "wide")
    data = array("I", [3, 1, 4, 1, 5, 9, 2, 6])
    for most in (9, 4, 1):
        expected = stepped(chip.kernel(path, "wide"), array("I", data), most)
        wide.call(array("I", data), most)
        assert wide.instructions == expected > 3600


def stepped(kernel: chip.Kernel, *arguments: Any) -> int:
    """Instructions of a fresh kernel's first call, with a hook for each."""
    steps: list[int] = []
    kernel._uc.hook_add(
        uni.UC_HOOK_CODE,
        lambda _uc, address, _size, _user: steps.append(address),
        None,
        emulator._CODE,
        emulator._CODE + len(kernel._code) - 1,
    )
    kernel.call(*arguments)
    return len(steps)
