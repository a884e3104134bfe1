"""Light a board's lamp in a colour, whatever kind it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import machine

from firmware.device.boards import ADDRESSABLE, LIT_BY_HIGH, LIT_BY_LOW, NO_LAMP

if TYPE_CHECKING:
    from firmware.device.boards import Pins

PIXEL_NS = (400, 850, 800, 450)  # high and low of a 0, then of a 1: WS2812 and SK6812


class Light:
    """The lamp of the board with these pins; without them it drives none."""

    def __init__(self, pins: Pins | None) -> None:
        self._kind = pins.LAMP if pins else NO_LAMP
        if pins and self._kind:
            dark = self._kind == LIT_BY_LOW
            self._lamp = machine.Pin(pins.LAMP_PIN, machine.Pin.OUT, value=dark)
            self._pixel = bytearray(3)

    def light(self, colour: int) -> None:
        """Show 0xRRGGBB, or 0 for dark; a lamp of one colour is lit or dark."""
        if self._kind == ADDRESSABLE:
            pixel = self._pixel
            pixel[0], pixel[1], pixel[2] = colour >> 8 & 255, colour >> 16, colour & 255
            machine.bitstream(self._lamp, 0, PIXEL_NS, pixel)
        elif self._kind:
            self._lamp.value((colour != 0) == (self._kind == LIT_BY_HIGH))
