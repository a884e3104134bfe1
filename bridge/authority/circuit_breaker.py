"""A circuit breaker: while the authority is away, one caller only asks it now and then.

Our own, as the libraries for it measure by the wall clock, which jumps. Monotonic milliseconds.
"""

from __future__ import annotations

from enum import StrEnum

FAILURES_MOST = 5  # in a row, of any callers
REST_MS = 2_000  # the longest that a cashier waits for an authority that is back


class BreakerState(StrEnum):
    CLOSED = "closed"  # all may ask
    OPEN = "open"  # no caller may ask
    TRYING = "trying"  # one caller asks, and decides for all


class CircuitBreaker:
    """A breaker: ask `admits` before each request, and report its result."""

    def __init__(self) -> None:
        self.state = BreakerState.CLOSED
        self._failures = 0
        self._until = 0

    def admits(self, now: int) -> bool:
        """Return whether a request may go out now; after the rest the first one is the trial."""
        if self.state is BreakerState.OPEN and now >= self._until:
            self.state = BreakerState.TRYING
            return True
        return self.state is BreakerState.CLOSED

    def reset(self) -> None:
        """Close, after any answer, or for a person who knows that the authority is back."""
        self.state, self._failures = BreakerState.CLOSED, 0

    def failed(self, now: int) -> None:
        """Note a missing answer."""
        self._failures += 1
        if self.state is BreakerState.TRYING or self._failures >= FAILURES_MOST:
            self.state, self._until = BreakerState.OPEN, now + REST_MS

    def gave_up(self, now: int) -> None:
        """Note that the caller did not wait for the answer: nothing is learnt, another may try."""
        if self.state is BreakerState.TRYING:
            self.state, self._until = BreakerState.OPEN, now
