"""Stay with the buyer: while the phone waits and nothing happens, say every 3 s what may help."""

from __future__ import annotations

import asyncio
from itertools import cycle
from typing import TYPE_CHECKING

from .sentences import HELP, UNSEEN, WAITS, key_of
from .visit import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from receiver.host.wording import Wording

    from .visit import Observer

# A purchase is on the screen within 2 s of the hold in 99 of 100; who waits longer has a cause.
HELP_AFTER_S = 3.0


class Companion:
    """An observer before `observer`, which hears each step and, between them, of `help`."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._wait: str | None = None
        self._texts: Iterator[Wording] = iter(())
        self._timer: asyncio.TimerHandle | None = None

    def step(self, step: Step) -> None:
        """Pass a step on, and begin the wait that follows it."""
        self._observer(step)
        if step.name in UNSEEN:
            return
        wait = WAITS.get(key_of(step.name, step.details.get("why")), WAITS.get(step.name))
        if wait != self._wait:
            self._wait = wait
            self._texts = cycle(HELP[wait]) if wait else iter(())
        self._set_timer()

    def close(self) -> None:
        """Say no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self) -> None:
        self.close()
        if self._wait is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(HELP_AFTER_S, self._help)

    def _help(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(HELP_AFTER_S, self._help)
        words = next(self._texts)
        details = {"waits_for": self._wait, **words._asdict()}
        self._observer(Step("help", loop.time(), details))
