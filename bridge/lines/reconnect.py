"""When to open a port again: a policy without a clock, apart from what is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from receiver.host.backoff import Backoff


class Reconnect:
    """When to open a port again; a connection that lived long enough is forgiven its end."""

    STEADY_MS = 5_000  # shorter lives keep backing off: a board in a boot loop must not spin us

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self._opened: int | None = None

    def opened(self, now: int) -> None:
        self._opened = now

    def closed(self, now: int) -> int:
        """The time of the next attempt, after a failed open or a lost connection."""
        if self._opened is not None and now - self._opened >= self.STEADY_MS:
            self._backoff.reset()
        self._opened = None
        return now + self._backoff.next()
