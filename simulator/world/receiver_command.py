"""The command that starts the firmware of a simulated receiver."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import firmware.device
import simulator.hardware.micropython
from simulator.hardware.interpreter import interpreter
from simulator.hardware.rv32.qemu import C3_POOL, QemuBoard

DEVICE = Path(firmware.device.__path__[0])
ROOT = DEVICE.parents[1]
PACKAGES = ("receiver", "firmware/device")  # of the device
SHIM = Path(simulator.hardware.micropython.__path__[0])
BUILT = "TILLSIGN_SLOT"  # in the environment: a built slot to run instead of this tree's sources
RV32 = "rv32"  # the name of the kind that `chip_command` starts, on command lines


class Command(NamedTuple):
    """The command to start the firmware, on any Unix MicroPython if `argv[0]` is replaced."""

    argv: list[str]
    cwd: str
    env: dict[str, str]


class Chip(NamedTuple):
    """A 32-bit board instead of the Unix port: its firmware in the image, or in its flash."""

    pool: Sequence[int] = (C3_POOL,)
    frozen: bool = True
    counted: bool = False
    sites: bool = False  # frozen: whether allocations can be made to fail by their site; slower


def slot(directory: Path) -> Path:
    """Make a slot of links to this tree that holds only the device's files; or to a built slot."""
    built = os.environ.get(BUILT)
    if built:
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.symlink_to(Path(built).absolute())
        return directory
    for package in PACKAGES:
        (directory / package).parent.mkdir(parents=True, exist_ok=True)
        (directory / package).symlink_to(ROOT / package)
    return directory


def name_maps() -> Path | None:
    """Return the folder with the name map of a built slot, which stands beside it."""
    built = os.environ.get(BUILT)
    return Path(built).absolute().parent if built else None


def command(store: Path, radio: str, hci: Path | None = None) -> Command:
    """Return the command for the firmware; `radio` is an endpoint, `hci` a terminal or None."""
    environment = {
        "MICROPYPATH": ".frozen",  # holds asyncio; the loader finds the rest
        "TILLSIGN_STORE": str(store),
        "TILLSIGN_SHIM": str(SHIM),
        "TILLSIGN_RADIO": radio,
    }
    if hci is not None:
        environment["MICROPYBTUART"] = str(hci)  # read by MicroPython's own stack
    argv = [interpreter(), str(DEVICE / "main.py")]
    return Command(argv, str(store), environment)


def chip_command(store: Path, radio: str, chip: Chip) -> Command:
    """Return the command for the firmware on the RISC-V machine; its files are in `store`."""
    from simulator.hardware.rv32 import image, receiver  # the extra "tools" has what they need

    place = store / "flash"
    if not place.exists():  # it outlives the process
        place.write_bytes(receiver.packed_nothing() if chip.frozen else receiver.packed_slot())
    board = QemuBoard(
        receiver.frozen_image(chip.sites) if chip.frozen else image.stock(),
        place,
        chip.pool,
        radio,
        counted=chip.counted,
        on_terminal=True,
        stats=True,
        heap=receiver.FIRST_HEAP if chip.frozen else 0,
    )
    return Command(board.argv(), str(store), {})
