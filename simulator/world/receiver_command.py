"""The command that starts the firmware of a simulated receiver."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import firmware.device
import simulator.hardware.micropython

DEVICE = Path(firmware.device.__path__[0])
ROOT = DEVICE.parents[1]
PACKAGES = ("receiver", "firmware/device")  # of the device
SHIM = Path(simulator.hardware.micropython.__path__[0])


class Command(NamedTuple):
    """The command to start the firmware, on any Unix MicroPython if `argv[0]` is replaced."""

    argv: list[str]
    cwd: str
    env: dict[str, str]


def slot(directory: Path) -> Path:
    """Make a slot of links to this tree that holds only the device's files."""
    for package in PACKAGES:
        (directory / package).parent.mkdir(parents=True, exist_ok=True)
        (directory / package).symlink_to(ROOT / package)
    return directory


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


def interpreter() -> str:
    """Return the MicroPython of this environment, or its bare name where there is none."""
    beside = Path(sys.executable).parent
    return shutil.which("micropython", path=str(beside)) or "micropython"
