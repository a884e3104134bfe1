"""An event loop whose time jumps: when nothing is ready, it is the time of the next timer."""

from __future__ import annotations

import asyncio
import selectors

_TICK_S = 1e-6  # what is due is past, in whole milliseconds too
TURNS_MOST = 10_000  # at one time; the busiest scenario takes a hundredth


class QuietError(Exception):
    """Nothing is ready, no timer runs, and yet something waits."""


class StuckError(Exception):
    """What runs never waits: time does not pass any more."""


class Loop(asyncio.SelectorEventLoop):
    """Its `now` begins at 0. It waits for no file and no thread."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now


class _Jumping(selectors.SelectSelector):
    """Waits for no file: time passes at once."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._turns = 0  # since time has passed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise QuietError
        self._turns += 1
        if timeout > 0:
            self._loop.now += timeout + _TICK_S
            self._turns = 0
        if self._turns > TURNS_MOST:
            raise StuckError(f"no rest at {self._loop.now:.3f} s after {TURNS_MOST} turns")
        return []
