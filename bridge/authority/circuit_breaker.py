"""A circuit breaker: while the authority is away, it is asked now and then by one caller only.

Own code, as the libraries for it measure by the wall clock, which jumps. Monotonic milliseconds.
"""

from __future__ import annotations

from enum import StrEnum

FAILURES_MOST = 5  # in a row, of whichever callers
REST_MS = 2_000  # as long as a cashier may wait for an authority that is back


class State(StrEnum):
    CLOSED = "closed"  # all may ask
    OPEN = "open"  # nobody may
    TRYING = "trying"  # one asks, and decides for all


class Breaker:
    """Ask `admits` before each request, and say afterwards how it went."""

    def __init__(self) -> None:
        self.state = State.CLOSED
        self._failures = 0
        self._until = 0

    def admits(self, now: int) -> bool:
        """Whether a request may go out now; after the rest the first one is the trial."""
        if self.state is State.OPEN and now >= self._until:
            self.state = State.TRYING
            return True
        return self.state is State.CLOSED

    def reset(self) -> None:
        """A person says that the authority is back: all may ask, until it fails again."""
        self.state, self._failures = State.CLOSED, 0

    def succeeded(self) -> None:
        """There was an answer, whatever it said."""
        self.reset()

    def failed(self, now: int) -> None:
        """There was none."""
        self._failures += 1
        if self.state is State.TRYING or self._failures >= FAILURES_MOST:
            self.state, self._until = State.OPEN, now + REST_MS

    def gave_up(self, now: int) -> None:
        """The caller did not wait for the answer: nothing is learnt, and another may try."""
        if self.state is State.TRYING:
            self.state, self._until = State.OPEN, now
