"""The built firmware on the machine: in the image, as on a board without PSRAM, or in its flash."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from firmware.tools.bundle import frozen, slot
from firmware.tools.bundle.boards import others
from firmware.tools.compile import ROOT

from . import flash, image

TARGET, CHIP = "esp32", "rv32imc"  # the files for a chip, in this one's machine code
BOARD = "esp32-c3-devkitm-1"  # whose pin map is built in: this machine has no pins
FIRST_HEAP = 32 * 1024  # of our own images (firmware/image/common/receiver.h)
SLOT = "/a"  # where the loader looks first
LOADER = ROOT / "firmware/device/main.py"
_FROZEN = image.BUILD / "firmware"  # sources that the image's build reads


@cache
def frozen_image() -> Path:
    """Return an image with loader and firmware in it."""
    with tempfile.TemporaryDirectory(prefix="tillsign-") as directory:
        place = Path(directory, "firmware")
        frozen.write(ROOT, place, slot.Machine(TARGET, CHIP, others(ROOT, BOARD)))
        _renew(_FROZEN, {path.relative_to(place): path for path in place.rglob("*.py")})
    return image.built("frozen", _FROZEN)


def _renew(folder: Path, files: Mapping[Path, Path]) -> None:
    """Make a folder hold these files alone; leave a right one as it is, others may read it."""
    for old in folder.rglob("*.py"):
        if old.relative_to(folder) not in files:
            old.unlink()
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.write_bytes(source.read_bytes())


@cache
def packed_slot() -> bytes:
    """Return the flash of a board that has loader and slot there, compiled for the chip."""
    with tempfile.TemporaryDirectory(prefix="tillsign-") as directory:
        place = Path(directory, "slot")
        slot.write(ROOT, place, slot.Machine(TARGET, CHIP, others(ROOT, BOARD)))
        files = flash.files_below(place, SLOT)
    return flash.packed({"/main.py": LOADER.read_bytes(), **files})


@cache
def packed_nothing() -> bytes:
    """Return the flash of a board whose image holds the firmware."""
    return flash.packed({})
