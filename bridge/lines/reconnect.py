"""The policy for opening a port again, without a clock and without the port."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from receiver.host.backoff import Backoff


class Reconnect:
    """Plans the next attempt; a connection that lived long enough resets the backoff."""

    STEADY_MS = 5_000  # a shorter life does not reset the backoff: the board may be in a boot loop

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._opened: int | None = None

    def opened(self, now: int) -> None:
        self._opened = now

    def closed(self, now: int) -> int:
        """Return the time of the next attempt, after a failed opening or a lost connection."""
        if self._opened is not None and now - self._opened >= self.STEADY_MS:
            self._backoff.reset()
        self._opened = None
        return now + self._backoff.next()
