"""Show the receiver's state by colour and by blinking, on a lamp of either kind.

Each state blinks in its own way, so that it can be told without colour and on a lamp with one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.core import sale_session as sales

if TYPE_CHECKING:
    from collections.abc import Callable

    from receiver.core.receiver import Receiver

STEP_MS = 125  # a lamp that blinks faster is seen as lit
STEPS = 16  # two seconds, then again

BOOTING, NO_BRIDGE, READY, SALE_OPEN, BUYER_HERE, APPROVED, FAULT, IDENTIFY, SERVICE = range(9)

# Of each state: colour (red, green, blue: dim, as eyes are near) and the steps in which it is lit.
PATTERNS = (
    (0x101010, "################"),
    (0x000020, "##.............."),
    (0x000C00, "##############.."),
    (0x181000, "########........"),
    (0x001818, "##..##..##..##.."),
    (0x004000, "######..######.."),
    (0x300000, "##..##.........."),
    (0x202020, "#.#.#.#.#.#.#.#."),
    (0x180018, "####....####...."),
)
BOOTING_COLOUR = 0x101010


def state_of(receiver: Receiver, up: bool) -> int:
    """Return what to show; `up`: a bridge is on the line."""
    if receiver.identity.fault is not None:
        return FAULT
    if not up:
        return NO_BRIDGE
    state = receiver.sale.state
    if state == sales.IDLE:
        return READY
    if state == sales.ACCEPTED or (state == sales.SETTLED and receiver.paid):
        return APPROVED
    if state == sales.SETTLED:
        return READY
    return BUYER_HERE if len(receiver.air.links) else SALE_OPEN


class Lamp:
    """`light` takes a colour, 0 for dark. Times in milliseconds."""

    def __init__(self, light: Callable[[int], None]) -> None:
        self._light = light
        self._state = BOOTING
        self._colour = -1  # what is lit
        self._due: int | None = 0
        self._identify_end = 0

    def show(self, state: int, now: int) -> None:
        """Show `state` from `now` on."""
        if state != self._state:
            self._state = state
            self._due = now

    def identify(self, seconds: int, now: int) -> None:
        """Show which receiver this is, whatever else there is to show."""
        self._identify_end = now + seconds * 1000
        self._due = now

    def deadline(self) -> int | None:
        """Return when the lamp changes, or None."""
        return self._due

    def expire(self, now: int) -> None:
        """Light the lamp for `now`, and find out when it changes next."""
        identifying = now < self._identify_end
        colour, lit = PATTERNS[IDENTIFY if identifying else self._state]
        first = now // STEP_MS
        is_lit = lit[first % STEPS]
        last = first + 1
        while lit[last % STEPS] == is_lit and last < first + STEPS:
            last += 1
        steady = last == first + STEPS
        self._due = None if steady else last * STEP_MS
        if identifying and (steady or last * STEP_MS > self._identify_end):
            self._due = self._identify_end
        if is_lit == ".":
            colour = 0
        if colour != self._colour:
            self._colour = colour
            self._light(colour)
