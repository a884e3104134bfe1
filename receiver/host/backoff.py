"""When to try again: a policy without a clock, apart from what is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

JITTER = 0.5  # a delay is between half of its step and the whole, so that many bridges spread out


class Backoff:
    """Delays in ms from `first`, doubling up to `most`; `random` (0..1) gives the jitter."""

    def __init__(self, first: int, most: int, random: Callable[[], float]) -> None:
        self._first = first
        self._most = most
        self._random = random
        self._step = first

    def next(self) -> int:
        """The delay before the next try."""
        step = self._step
        self._step = min(2 * step, self._most)
        return int(step * (1 - JITTER * self._random()))

    def reset(self) -> None:
        """It worked: begin from the start."""
        self._step = self._first
