"""The firmware on the machine: in the image, as on a board without PSRAM, or in its flash."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from firmware.tools.compile import ROOT, compile_for, device_files

from . import flash, image
from .image import Frozen

CHIP = "rv32imc"
SLOT = "/a"  # where the loader looks first
LOADER = "firmware/device/main.py"
_LIBRARY = "firmware/device/lib/"
_EMPTY: Mapping[str, bytes] = {"/a/empty": b""}


def frozen_image() -> Path:
    """Return an image with every device file in it."""
    files = [str(path) for path in device_files()]
    library = [name.removeprefix(_LIBRARY) for name in files if name.startswith(_LIBRARY)]
    package = [name for name in files if not name.startswith(_LIBRARY) and name != LOADER]
    loader = ROOT / LOADER
    return image.built(
        "frozen",
        Frozen(ROOT, package),
        Frozen(ROOT / _LIBRARY, library),
        Frozen(loader.parent, (loader.name,)),
    )


@cache
def packed_slot() -> bytes:
    """Return the flash of a board that has loader and slot there, compiled for the chip."""
    with tempfile.TemporaryDirectory(prefix="tillsign-") as directory:
        compile_for(CHIP, Path(directory))
        slot = flash.files_below(Path(directory), SLOT)
    return flash.packed({"/main.py": (ROOT / LOADER).read_bytes(), **slot})


@cache
def packed_nothing() -> bytes:
    """Return the flash of a board whose image holds the firmware."""
    return flash.packed(_EMPTY)
