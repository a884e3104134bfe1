"""The firmware that a simulated receiver runs, and the command that starts it."""

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
    """What starts the firmware: on any Unix MicroPython by replacing `argv[0]`."""

    argv: list[str]
    cwd: str
    env: dict[str, str]


def slot(directory: Path) -> Path:
    """Make a slot that holds the device's files and nothing else, by links into this tree."""
    for package in PACKAGES:
        (directory / package).parent.mkdir(parents=True, exist_ok=True)
        (directory / package).symlink_to(ROOT / package)
    return directory


def command(store: Path, radio: str, hci: Path | None = None) -> Command:
    """How to start the firmware; `radio` is an endpoint, `hci` a terminal or nothing."""
    environment = {
        "MICROPYPATH": ".frozen",  # asyncio is in there; everything else the loader finds
        "TILLSIGN_STORE": str(store),
        "TILLSIGN_SHIM": str(SHIM),
        "TILLSIGN_RADIO": radio,
    }
    if hci is not None:
        environment["MICROPYBTUART"] = str(hci)  # where MicroPython's own stack looks for HCI
    argv = [interpreter(), str(DEVICE / "main.py")]
    return Command(argv, str(store), environment)


def interpreter() -> str:
    """The MicroPython of this environment, or its bare name where there is none."""
    beside = Path(sys.executable).parent
    return shutil.which("micropython", path=str(beside)) or "micropython"
