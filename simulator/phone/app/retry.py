"""When to visit again: a policy apart from the visits."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from receiver.host.backoff import Backoff

if TYPE_CHECKING:
    from simulator.phone.conversation.events import Outcome

FIRST_MS = 50  # a receiver with four links frees one within two connection intervals
MOST_MS = 1000


class Retry:
    """Another visit after each that bound the buyer to nothing, until `until` (monotonic ms)."""

    def __init__(self, until: int) -> None:
        self._until = until
        self._backoff = Backoff(FIRST_MS, MOST_MS, random.random)

    def left(self, now: int) -> int:
        """What patience is left, ms."""
        return max(0, self._until - now)

    def after(self, outcome: Outcome | None, now: int) -> int | None:
        """How long to wait before the next visit; None for no more. No outcome: no connection."""
        if outcome is not None and not outcome.retry:
            return None
        pause = self._backoff.next()
        return pause if pause < self.left(now) else None
