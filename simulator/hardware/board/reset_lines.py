"""What DTR and RTS do on a development board: two transistors at the chip's EN and IO0.

EN is low (the chip is held in reset) while RTS is asserted and DTR is not; IO0 is low while DTR is
asserted and RTS is not. The chip reads IO0 when EN has risen, which a capacitor delays: the classic
sequence into the boot loader changes RTS and DTR one after the other and passes through "both", for
as long as the serial server needs for one request.
"""

from __future__ import annotations

from enum import Enum

RISE_MS = 400  # a server answers within 100 ms; a real board's capacitor takes 1 to 10


class Start(Enum):
    """What the chip does."""

    HELD = "held"
    FIRMWARE = "firmware"
    DOWNLOAD = "download"


class ResetLines:
    """A machine: `change` and `expire` return what the chip does anew, None if nothing."""

    def __init__(self) -> None:
        self._held = False
        self._due: int | None = None

    def change(self, dtr: bool, rts: bool, now: int) -> Start | None:
        """Take both lines as the host has set them, at a time in ms."""
        if rts and not dtr:
            self._due = None
            fresh, self._held = not self._held, True
            return Start.HELD if fresh else None
        if self._held:
            self._held = False
            self._due = now + RISE_MS
        if self._due is None or (dtr and rts):
            return None
        self._due = None
        return Start.DOWNLOAD if dtr else Start.FIRMWARE

    def deadline(self) -> int | None:
        return self._due

    def expire(self, now: int) -> Start | None:
        """Let the capacitor be charged: with both lines asserted IO0 is high."""
        if self._due is None or now < self._due:
            return None
        self._due = None
        return Start.FIRMWARE
