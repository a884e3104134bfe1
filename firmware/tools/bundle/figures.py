"""Weigh the image after each step: `python -m firmware.tools.bundle --board NAME --figures`.

Prints a table of docs/hardware.md: bytes of all .mpy files, and the dynamic names in them. Service
mode, which is loaded alone, is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from firmware.tools.compile import device_files

from . import mpy, slot
from .program import APART, STEPS
from .slot import Machine

WHAT = {
    "constants": "integer constants folded across modules",
    "programs": "programs of the field assembled by the build",
    "unused": "unused functions, classes, methods and constants dropped",
    "texts": "texts and reasons as numbers",
    "inline": "functions put where their only call is",
    "names": "names shortened, states and events too",
}


def table(root: Path, machine: Machine) -> str:
    rows = [f"| {what} | {size:,} | {names} |" for what, size, names in _rows(root, machine)]
    return "\n".join(["| after this step | bytes | names |", "|---|---|---|", *rows])


def _rows(root: Path, machine: Machine) -> Iterator[tuple[str, int, int]]:
    sizes, names = 0, set[str]()
    left_out = {slot.LOADER.as_posix(), *map(slot.place, APART)}
    for path in device_files():
        if path.as_posix() in left_out or (root / path).read_text() == "":
            continue  # the loader stays outside the slot
        compiled = mpy.compile_text((root / path).read_text(), str(path), machine.architecture, ())
        sizes += len(compiled)
        names |= mpy.names(compiled)
    yield "every file by itself", sizes, len(names)
    yield "one module but for kernels and loader", *_weigh(root, machine, (), ())
    for count, step in enumerate(STEPS, 1):
        yield WHAT[step], *_weigh(root, machine, STEPS[:count], ())
    yield f"compiled with `{mpy.OPTIMISED}`", *_weigh(root, machine, STEPS, (mpy.OPTIMISED,))


def _weigh(
    root: Path, machine: Machine, steps: tuple[str, ...], options: tuple[str, ...]
) -> tuple[int, int]:
    with TemporaryDirectory(prefix="tillsign-bundle-") as folder:
        made = slot.write(root, Path(folder, "a"), machine, steps=steps, options=options)
        apart = slot.files_apart()
        sizes = (size for path, size in made.sizes.items() if path not in apart)
        return sum(sizes), made.names
