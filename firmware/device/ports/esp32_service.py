"""What orders in service mode need of an ESP32 board. Not yet tested on hardware."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, cast

import bluetooth
import esp32
import machine

from firmware.device import version
from firmware.device.boards import choice
from firmware.device.ports import esp32 as port

from . import memory
from .interface import Tools

if TYPE_CHECKING:
    from typing import Any

    from receiver.service.ports import Slots

    from .interface import Clock
    from .partitions import Chip


class Store(port.Store):
    """As in a receiver that sells, and values can be erased."""

    def erase(self, name: str) -> None:
        nvs = esp32.NVS(port.NAMESPACE)
        try:
            nvs.erase_key(name)
        except OSError as error:
            if error.errno != port.ABSENT:
                raise
            return
        nvs.commit()


class Device:
    """`receiver.service.ports.Device`."""

    def __init__(self, clock: Clock) -> None:
        implementation: Any = sys.implementation
        board = port.Board()
        self._pins = board.pins
        self.name = board.name
        self.board_class = choice.board_class(implementation._machine, bool(version.FROZEN_HASH))
        self.hardware: bytes = machine.unique_id()
        self.firmware_hash = version.measure(sys.path[0])
        self.clock = clock.ms

    def held(self) -> bool:
        """A board that is not known has no button."""
        if self._pins is None:
            return False
        button = machine.Pin(self._pins.BUTTON, machine.Pin.IN, machine.Pin.PULL_UP)
        return not button.value()

    def start_radio(self) -> bool:
        try:
            return bool(bluetooth.BLE().active(True))
        except OSError:  # no memory is left for it
            return False

    def entropy(self, size: int) -> bytes:
        """Return bytes of the chip's generator, which is true while the radio is on."""
        return os.urandom(size) if self.start_radio() else b""

    def memory(self) -> tuple[int, int]:
        return memory.measure()


def make(clock: Clock) -> Tools:
    return Tools(Store(), _slots(), Device(clock))


def _slots() -> Slots:
    """Return two partitions for an image of our own, else two directories."""
    if version.FROZEN_HASH and hasattr(esp32, "Partition"):
        from .partitions import Partitions

        return Partitions(cast("Chip", esp32.Partition))  # the published stub is wrong
    from .directories import Directories

    return Directories(sys.path[0])
