"""When to try again: a policy without a clock, apart from what is tried."""

from __future__ import annotations

from collections.abc import Callable

JITTER = 0.5  # between half of a step and the whole


class Backoff:
    """Delays in ms from `first`, doubling up to `most`; `random` (0..1) gives the jitter.

    It takes up to this part of a delay, so that many bridges spread out.
    """

    def __init__(
        self, first: int, most: int, random: Callable[[], float], jitter: float = JITTER
    ) -> None:
        self._first = first
        self._most = most
        self._random = random
        self._jitter = jitter
        self._step = first

    def next(self) -> int:
        """The delay before the next try."""
        step = self._step
        self._step = min(2 * step, self._most)
        return int(step * (1 - self._jitter * self._random()))

    def reset(self) -> None:
        """It worked: begin from the start."""
        self._step = self._first
