"""Measure the device's cryptography on the 32-bit machine: instructions, bytes, slices.

Usage: python -m simulator.tools.chip.operations

Instructions are those of whole operations: interpreter, kernels, allocation and collections. They
are counted in the pool that an ESP32-C3 leaves, after HEAP_FILL bytes of its heap were given to
small objects that stay, with holes as small between them. Each figure is the mean of some calls.
The firmware calls short operations directly: the cost of an empty job is subtracted. Bytes are the
growth of `gc.mem_alloc()` over one call without a collection, in a pool that holds it all: what the
next collection has to find. Slices are counted there too, as no collection falls into one.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from firmware.tools.compile import ROOT, device_files
from simulator.hardware.rv32 import program, qemu
from simulator.phone.wallet.keys import P256, PhoneKey
from simulator.tools import figures
from simulator.tools.bench.cases import MESSAGE, SEED

from .build import compile_source, kernel_files

HEAP_FILL = 80_000  # bytes in use: what a sale with four phones holds beside code
SHORT = ("sha512_block", "chacha_seal_200")
CALLS = 4
SHORT_CALLS = 20
_ARCHITECTURE = "rv32imc"
_HELD = ("simulator/tools/bench/cases.py", "simulator/tools/bench/plain_arithmetic.py")
_LIBRARY = "firmware/device/lib"
_ROOMY = 1_000_000  # bytes of a pool in which nothing has to be collected

_COMMON = """
import gc, virt
from given import *
gc.threshold(8192)  # as on any board, or the heap takes the place of native code
for name in KERNELS:
    __import__(name)
from receiver.crypto import portable
from receiver.crypto.job import finish
from simulator.tools.bench.cases import _at_once, cases

def spent(work, *arguments):
    start = virt.cycles()
    result = work(*arguments)
    return virt.cycles() - start, result

def told(name, kind, cost, result):
    print(name, kind, cost if result else "wrong")

known = cases(portable, PHONE, SIGNATURE)
for name in known:  # this loads what they need
    told(name, "result", 1, finish(known[name]()))
gc.collect()
gc.threshold(-1)
"""
_FILLED = """
def mean(case, calls):
    gc.collect()
    start = virt.cycles()
    for _ in range(calls):
        finish(case())
    return (virt.cycles() - start) // calls

print("all", "heap", gc.mem_alloc())
print("all", "native", virt.pool()[3])
kept, size = [], 0
while gc.mem_alloc() < HEAP_FILL:
    holes = []
    for _ in range(100):
        kept.append(bytes(size % 56))
        holes.append(bytes((size + 30) % 56))
        size += 13
    del holes
    gc.collect()
print("all", "free", gc.mem_free())
print("all", "collection", spent(gc.collect)[0])
empty = mean(lambda: _at_once(bool), SHORT_CALLS)
for name in sorted(known):
    short = name in SHORT
    cost = mean(known[name], SHORT_CALLS if short else CALLS)
    print(name, "instructions", cost - empty if short else cost)
"""
_UNCOLLECTED = """
def longest(job):
    most = 0
    while True:
        cost, done = spent(next, job, job)
        most = max(most, cost)
        if done is job:
            return most

gc.disable()
for name in sorted(known):
    print(name, "slice", longest(known[name]()))
    gc.collect()
    before = gc.mem_alloc()
    finish(known[name]())
    print(name, "bytes", gc.mem_alloc() - before)
"""
_PLAIN = """
from simulator.tools.bench import plain_arithmetic as plain
from simulator.tools.bench.cases import MESSAGE, SEED
public = portable.ed25519_public(SEED)
cost, own = spent(plain.ed25519_sign, SEED, public, MESSAGE)
told("ed25519_sign", "plain", cost, own)
told("ed25519_check", "plain", *spent(plain.ed25519_verify, public, MESSAGE, own))
told("p256_check", "plain", *spent(plain.p256_verify, PHONE, MESSAGE, SIGNATURE))
told("x25519", "plain", *spent(plain.x25519, SEED, public))
"""


class Spent(NamedTuple):
    """What one operation takes."""

    instructions: int
    bytes: int  # allocated and left to the collector
    longest_slice: int  # instructions, without a collection


class Measured(NamedTuple):
    """One measurement; `collection` is the cost of one at the fill, in instructions."""

    operations: dict[str, Spent]
    collection: int
    heap: int  # bytes in use with all modules loaded and two keys prepared
    native: int  # bytes of native code in the pool


@cache
def measure() -> Measured:
    """Run every case of `simulator/tools/bench/cases.py`.

    Raises ProgramError if one gives a wrong result, ToolsMissingError without the machine.
    """
    filled, uncollected = _run(_FILLED, qemu.C3_POOL), _run(_UNCOLLECTED, _ROOMY)
    operations = {
        name: Spent(said["instructions"], uncollected[name]["bytes"], uncollected[name]["slice"])
        for name, said in filled.items()
        if name != "all"
    }
    rest = filled["all"]
    return Measured(operations, rest["collection"], rest["heap"], rest["native"])


def plain() -> dict[str, int]:
    """Return the instructions of the same in plain integers, without kernels."""
    return {name: said["plain"] for name, said in _run(_PLAIN, _ROOMY).items() if "plain" in said}


def signed_by_phone() -> tuple[bytes, bytes]:
    """Return a phone's P-256 key, and its signature over MESSAGE."""
    key = PhoneKey(P256, SEED)
    return key.public, key.sign(MESSAGE)


@cache
def files() -> dict[str, bytes]:
    """Return the device's own modules as a board may have them, each compiled by itself."""
    paths = [path for path in device_files() if path.parts[0] == "receiver"]
    found = {f"/{path.with_suffix('.mpy')}": _compiled(str(path)) for path in paths}
    library = (ROOT / _LIBRARY).glob("*.py")
    return found | {f"/{path.name}": path.read_bytes() for path in library}


def _compiled(path: str) -> bytes:
    return compile_source((ROOT / path).read_text(), _ARCHITECTURE, path)


def _run(work: str, pool: int) -> dict[str, dict[str, int]]:
    """Return figures by operation and kind."""
    phone, signature = signed_by_phone()
    given = {
        "KERNELS": [path.removesuffix(".py").replace("/", ".") for path in kernel_files()],
        "PHONE": phone,
        "SIGNATURE": signature,
        "HEAP_FILL": HEAP_FILL,
        "SHORT": SHORT,
        "CALLS": CALLS,
        "SHORT_CALLS": SHORT_CALLS,
    }
    board = {
        **files(),
        **{f"/{path}": (ROOT / path).read_bytes() for path in _HELD},
        "/given.py": "".join([f"{name} = {value!r}\n" for name, value in given.items()]).encode(),
        "/program.py": (_COMMON + work).encode(),
    }
    found: dict[str, dict[str, int]] = {}
    for line in program.run(board, pool=(pool,)).splitlines():
        name, kind, value = line.split()
        if value == "wrong":
            raise program.ProgramError(f"{name} gave a wrong result")
        found.setdefault(name, {})[kind] = int(value)
    return found


def main() -> None:
    """Print one table."""
    found = measure()
    table = figures.table("operation", "k instr.", "bytes", "longest slice, k instr.")
    for name, one in found.operations.items():
        numbers = (one.instructions / 1000, one.bytes, one.longest_slice / 1000)
        table.add_row(name, *(f"{value:,.0f}" for value in numbers))
    console = figures.console()
    console.print(table)
    console.print(f"one collection: {found.collection:,} instructions")
    console.print(f"in use: {found.heap:,} bytes of heap, {found.native:,} of native code")


if __name__ == "__main__":
    main()
