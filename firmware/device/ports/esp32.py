"""ESP32 boards: NVS as store, USB or UART console as line. Not yet tested on hardware."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, cast

import bluetooth
import esp32
import machine

from firmware.device.boards import esp32c3 as pins
from receiver.link import wire
from receiver.protocol import gatt

from .interface import Ports

if TYPE_CHECKING:
    from typing import Any

    from firmware.device.ble import Ble

NAMESPACE = "tillsign"
NAME_MOST = 24  # as HELLO takes
WATCHDOG_MS = 10_000  # ten idle turns of the loop; the longest computation is far shorter

_CAUSES = {
    machine.PWRON_RESET: wire.RESET_POWER,
    machine.SOFT_RESET: wire.RESET_SOFT,
    machine.WDT_RESET: wire.RESET_WATCHDOG,
}


class Clock:
    """Milliseconds that never wrap; call at least every twelve days, when `ticks_ms` wraps."""

    def __init__(self) -> None:
        self._last = time.ticks_ms()
        self._ms = 0

    def ms(self) -> int:
        ticks = time.ticks_ms()
        self._ms += time.ticks_diff(ticks, self._last)
        self._last = ticks
        return self._ms


class Store:
    """Blobs in non-volatile storage, one commit each."""

    def __init__(self) -> None:
        self._nvs = esp32.NVS(NAMESPACE)

    def get(self, name: str) -> bytes:
        buffer = bytearray(gatt.CERTIFICATE_MOST)  # the largest stored value
        try:
            size = self._nvs.get_blob(name, buffer)
        except OSError:
            return b""
        return bytes(buffer[:size])

    def put(self, name: str, data: bytes) -> None:
        self._nvs.set_blob(name, data)
        self._nvs.commit()


class Board:
    def __init__(self) -> None:
        implementation: Any = sys.implementation
        self.name = implementation._machine[:NAME_MOST]
        self._lamp: machine.Pin | None = None
        self._button: machine.Pin | None = None
        if pins.CHIP in implementation._machine:  # any other board drives no pin
            self.name = pins.NAME
            self._lamp = machine.Pin(pins.LAMP, machine.Pin.OUT, value=pins.LAMP_OFF)
            self._button = machine.Pin(pins.BUTTON, machine.Pin.IN, machine.Pin.PULL_UP)
        self._watchdog: machine.WDT | None = None

    def reset_cause(self) -> int:
        return _CAUSES.get(machine.reset_cause(), wire.RESET_OTHER)

    def feed(self) -> None:
        if self._watchdog is None:  # cannot be stopped, so the loop's first turn starts it
            self._watchdog = machine.WDT(timeout=WATCHDOG_MS)
        self._watchdog.feed()

    def light(self, on: bool) -> None:
        if self._lamp is not None:
            self._lamp.value(on != pins.LAMP_OFF)

    def wants_repl(self) -> bool:
        return self._button is not None and self._button.value() == pins.BUTTON_PRESSED

    def reset(self) -> None:
        machine.reset()


def make() -> Ports:
    """Make the platform, radio first."""
    return Ports(
        cast("Ble", bluetooth.BLE()),  # the published stub is wrong
        bluetooth.UUID,
        None,
        sys.stdin,
        sys.stdout,
        Store(),
        os.urandom,
        Clock(),
        Board(),
    )
