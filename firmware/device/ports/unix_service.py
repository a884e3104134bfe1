"""What orders in service mode need of MicroPython's Unix port.

While the file that TILLSIGN_BUTTON names is there, the button is held; TILLSIGN_UNIQUE_ID is the
chip's own number in hex.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from firmware.device import version
from firmware.device.boards import choice

from . import memory, unix
from .directories import Directories, remove
from .interface import Tools

if TYPE_CHECKING:
    from .interface import Clock

NO_ID = "000000000000"  # six bytes, as of an ESP32


class Store(unix.Store):
    """As in a receiver that sells, and values can be erased."""

    def erase(self, name: str) -> None:
        remove(self.place(name))


class Device:
    """`receiver.service.ports.Device`."""

    name = unix.Board.name
    board_class = choice.board_class(unix.Board.name, False)

    def __init__(self, clock: Clock) -> None:
        self.clock = clock.ms
        self.hardware = bytes.fromhex(os.getenv("TILLSIGN_UNIQUE_ID", NO_ID))
        self.firmware_hash = version.measure(sys.path[0])

    def held(self) -> bool:
        try:
            os.stat(os.getenv("TILLSIGN_BUTTON", "button"))
        except OSError:
            return False
        return True

    def start_radio(self) -> bool:
        """Start the interpreter's radio, or the simulator's; False if this process has none."""
        if os.getenv("TILLSIGN_RADIO") is None:
            return False
        try:
            return bool(unix.import_bluetooth().BLE().active(True))
        except (ImportError, OSError):
            return False

    def entropy(self, size: int) -> bytes:
        """Return the host's, which needs no radio."""
        return os.urandom(size)

    def memory(self) -> tuple[int, int]:
        return memory.measure()


def make(clock: Clock) -> Tools:
    directory = unix.directory()
    return Tools(Store(directory), Directories(sys.path[0]), Device(clock))
