"""ESP32 boards: NVS as store, USB or UART console as line. Not yet tested on hardware."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, cast

import bluetooth
import esp32
import machine

from firmware.device import version
from firmware.device.boards import choice
from firmware.device.lamp import BOOTING_COLOUR
from receiver.link import wire
from receiver.protocol.enrolment import STORED_MOST

from .interface import Console, Ports
from .light import Light

if TYPE_CHECKING:
    from typing import Any

    from firmware.device.ble import Ble

NAMESPACE = "tillsign"
WATCHDOG_MS = 10_000  # ten idle turns of the loop; the longest computation is far shorter

ABSENT = -0x1102  # ESP_ERR_NVS_NOT_FOUND
BAD_WRITE = 5  # EIO

# Where a chip says why it was reset, by chip: RTC_CNTL_RESET_STATE_REG, on a C6
# LP_CLKRST_RESET_CAUSE_REG. ESP-IDF calls a brown-out a power-up; this register does not.
_REGISTERS = {
    "ESP32": 0x3FF48034,
    "ESP32-PICO-D4": 0x3FF48034,
    "ESP32S3": 0x60008038,
    "ESP32C3": 0x60008038,
    "ESP32C6": 0x600B0410,
}
_REASON_BITS = 0x1F
_POWER_ON = 1

_CAUSES = {
    machine.PWRON_RESET: wire.RESET_POWER,
    machine.HARD_RESET: wire.RESET_PANIC,  # or an order, of which there is a mark
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

    def get(self, name: str) -> bytes:
        buffer = bytearray(STORED_MOST)  # the largest value
        try:
            size = esp32.NVS(NAMESPACE).get_blob(name, buffer)
        except OSError as error:
            if error.errno != ABSENT:
                raise
            return b""
        return bytes(buffer[:size])

    def put(self, name: str, data: bytes) -> None:
        nvs = esp32.NVS(NAMESPACE)
        nvs.set_blob(name, data)
        nvs.commit()
        if self.get(name) != data:
            raise OSError(BAD_WRITE)


class Board:
    """A board that is not known has the name that the interpreter gives it, and drives no pin."""

    def __init__(self) -> None:
        implementation: Any = sys.implementation
        pins = choice.choose(implementation._machine, choice.flashed())
        self.fits = pins is None or choice.fits(implementation._machine, pins)
        if not self.fits:
            pins = None
        self.name = pins.NAME if pins else implementation._machine[: wire.BOARD_MOST]
        self._chip = pins.CHIP if pins else ""
        self.pins = pins
        self.light = Light(pins).light
        self.light(BOOTING_COLOUR)
        self._watchdog: machine.WDT | None = None

    def reset_cause(self) -> int:
        cause = _CAUSES.get(machine.reset_cause(), wire.RESET_OTHER)
        register = _REGISTERS.get(self._chip)
        if cause != wire.RESET_POWER or register is None:
            return cause
        reason = machine.mem32[register] & _REASON_BITS
        return cause if reason == _POWER_ON else wire.RESET_BROWN_OUT

    def feed(self) -> None:
        if self._watchdog is None:  # cannot be stopped, so the loop's first turn starts it
            self._watchdog = machine.WDT(timeout=WATCHDOG_MS)
        self._watchdog.feed()

    def keep_image(self) -> None:
        if version.FROZEN_HASH and hasattr(esp32, "Partition"):
            esp32.Partition.mark_app_valid_cancel_rollback()

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


def make_console() -> Console:
    """Make what service mode begins with; the radio stays off."""
    return Console(sys.stdin, sys.stdout, Clock(), Board())
