"""A limit on steps: a machine that does not come to rest fails its test, and does not hang it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

STEPS_MOST = 100_000  # the longest test, a day of a receiver's HEALTH, takes a tenth
STATE_MOST = 500  # characters of a state that are worth reading

Output = TypeVar("Output")


class Steps:
    """Of one world, from its start on; `state` says where it stands."""

    def __init__(self, state: Callable[[], object], most: int = STEPS_MOST) -> None:
        self._state = state
        self._most = most
        self._taken = 0

    def take(self) -> None:
        """One more; raises AssertionError where there were too many."""
        self._taken += 1
        if self._taken > self._most:
            state = str(self._state())[:STATE_MOST]
            raise AssertionError(f"no rest after {self._most} steps: {state}")

    def polled(self, poll: Callable[[], Output | None]) -> Iterator[Output]:
        """All that `poll` gives until None, a step each."""
        while (output := poll()) is not None:
            self.take()
            yield output
