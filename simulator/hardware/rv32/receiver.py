"""The built firmware on the machine: in the image, as on a board without PSRAM, or in its flash."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from firmware.tools.bundle import program, slot
from firmware.tools.compile import ROOT

from . import flash, image
from .image import Frozen

TARGET, CHIP = "esp32", "rv32imc"  # the files for a chip, in this one's machine code
SLOT = "/a"  # where the loader looks first
LOADER = ROOT / "firmware/device/main.py"
_FROZEN = image.BUILD / "firmware"  # sources that the image's build reads
_EMPTY: Mapping[str, bytes] = {"/a/empty": b""}


@cache
def frozen_image() -> Path:
    """Return an image with loader and firmware in it."""
    files = slot.modules(ROOT, program.firmware(ROOT, TARGET), TARGET)
    for name, text in files.items():
        place = _FROZEN / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists() or place.read_text() != text:
            place.write_text(text)
    return image.built(
        "frozen", Frozen(_FROZEN, tuple(files)), Frozen(LOADER.parent, (LOADER.name,))
    )


@cache
def packed_slot() -> bytes:
    """Return the flash of a board that has loader and slot there, compiled for the chip."""
    with tempfile.TemporaryDirectory(prefix="tillsign-") as directory:
        place = Path(directory, "slot")
        slot.write(ROOT, place, slot.Machine(TARGET, CHIP))
        files = flash.files_below(place, SLOT)
    return flash.packed({"/main.py": LOADER.read_bytes(), **files})


@cache
def packed_nothing() -> bytes:
    """Return the flash of a board whose image holds the firmware."""
    return flash.packed(_EMPTY)
