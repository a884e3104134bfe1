"""The policy of repeated visits."""

from __future__ import annotations

import random

from receiver.host.backoff import Backoff
from simulator.phone.conversation.events import Outcome

FIRST_MS = 50  # a receiver with four links frees one within two connection intervals
MOST_MS = 1000


class Retry:
    """Allow another visit after each that did not bind the buyer, until `until` (monotonic ms)."""

    def __init__(self, until: int) -> None:
        self._until = until
        self._backoff = Backoff(FIRST_MS, MOST_MS, random.random)

    def left(self, now: int) -> int:
        """Return the patience that is left, ms."""
        return max(0, self._until - now)

    def after(self, outcome: Outcome | None, now: int) -> int | None:
        """Return the pause before the next visit; None to stop. No outcome: no connection."""
        if outcome is not None and not outcome.retry:
            return None
        pause = self._backoff.next()
        return pause if pause < self.left(now) else None
