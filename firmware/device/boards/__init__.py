"""Pin maps of the boards, one file each: its name, its chip, its lamp, its button.

Flashing writes the board's name into the file `board`. Without one, the interpreter names a module
and the reference board for that chip is taken. A board that is not known here has no pins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    class Pins(Protocol):
        """A file of this folder."""

        NAME: str  # at most 24 bytes: HELLO carries it
        CHIP: str  # as the interpreter ends its machine's name
        LAMP: int  # a kind of lamp
        LAMP_PIN: int
        BUTTON: int  # low while pressed; `main.py` repeats it


# Kinds of lamps.
NO_LAMP = 0
LIT_BY_HIGH = 1
LIT_BY_LOW = 2
ADDRESSABLE = 3  # WS2812 or SK6812: green, red, blue
