"""The built firmware on the machine: in the image, as on a board without PSRAM, or in its flash."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path

from firmware.tools.bundle import frozen, slot
from firmware.tools.bundle.boards import others
from firmware.tools.compile import ROOT
from firmware.tools.package import file_system, targets
from receiver.host.name_map import SUFFIX
from receiver.protocol import firmware

from . import image

TARGET, CHIP = "esp32", "rv32imc"  # the files for a chip, in this one's machine code
BOARD = "esp32-c3-devkitm-1"  # whose pin map is built in: this machine has no pins
FIRST_HEAP = 32 * 1024  # of our own images (firmware/image/common/receiver.h)
SLOT = "/a"  # where the loader looks first
NAMES = image.BUILD / f"firmware{SUFFIX}"  # what the frozen image's short names stand for
_SOURCES = ("receiver", "firmware/device", "firmware/tools/bundle", "requirements")

Write = Callable[[Path, Path, slot.Machine], object]


@cache
def frozen_image(sites: bool = False) -> Path:
    """Return an image with loader and firmware in it, which may know its allocations' sites."""
    name = "frozen-sites" if sites else "frozen"
    return image.built(name, _made("firmware", frozen.write), sites=sites)


@cache
def packed_slot() -> bytes:
    """Return the flash of a board that has loader and slot there, compiled for the chip."""
    made = _made("slot", slot.write)
    files = file_system.files_below(made, SLOT)
    files[f"{SLOT}/{firmware.WHOLE}"] = _manifest(made)
    return file_system.packed({**slot.loader(ROOT, _machine()), **files})


def _manifest(made: Path) -> bytes:
    """Return the manifest of a slot, as `tillsign firmware build` makes it of a commit."""
    rows = tuple(
        firmware.File(path.removeprefix("/"), len(data), sha256(data).digest())
        for path, data in file_system.files_below(made, "").items()
    )
    board_class = targets.target(ROOT, BOARD).board_class
    git = bytes(firmware.GIT_SIZE)
    return firmware.encode(firmware.Manifest(1, 0, board_class, "machine", git, rows))


@cache
def packed_nothing() -> bytes:
    """Return the flash of a board whose image holds the firmware."""
    return file_system.packed({})


def _made(name: str, write: Write) -> Path:
    """Return a folder of files made of this tree's sources, by this process or an earlier one.

    Their name map is beside it.
    """
    folder, names = image.BUILD / name, image.BUILD / (name + SUFFIX)
    stamp, wanted = folder.with_name(f"{name}-stamp"), _stamp()
    image.BUILD.mkdir(parents=True, exist_ok=True)
    with image.alone(image.BUILD / f"{name}-lock"):
        if not (names.exists() and stamp.exists() and stamp.read_text() == wanted):
            stamp.unlink(missing_ok=True)
            with tempfile.TemporaryDirectory(prefix="tillsign-") as directory:
                place = Path(directory, name)
                write(ROOT, place, _machine())
                found = (path for path in place.rglob("*") if path.is_file())
                _renew(folder, {path.relative_to(place): path for path in found})
                names.write_bytes(place.with_name(names.name).read_bytes())
            stamp.write_text(wanted)
    return folder


def _machine() -> slot.Machine:
    return slot.Machine(TARGET, CHIP, others(ROOT, BOARD))


def _stamp() -> str:
    """Return a hash of what the files are made of, and by."""
    total = sha256(sys.version.encode())
    files = [path for part in _SOURCES for path in (ROOT / part).rglob("*")]
    for path in sorted(path for path in files if path.suffix in (".py", ".txt")):
        total.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return total.hexdigest()


def _renew(folder: Path, files: Mapping[Path, Path]) -> None:
    """Make a folder hold these files alone; leave a right one as it is, others may read it."""
    for old in folder.rglob("*"):
        if old.is_file() and old.relative_to(folder) not in files:
            old.unlink()
    for name, source in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.write_bytes(source.read_bytes())
