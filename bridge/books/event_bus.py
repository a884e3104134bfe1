"""What happens, for those who watch: to every subscriber in order, or not at all.

What is noted in the journal and not on the disk yet may be forgotten in a crash, so nobody is told
of it, nor of anything after it: `hold` until `release`.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bridge import foreign_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WAITING_MOST = 256  # events that a slow watcher may owe; then it is cut off rather than misled


class Subscription:
    """The events since it began; `overrun` once the watcher was too slow."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(WAITING_MOST)
        self.overrun = False
        self._held: list[dict[str, Any]] = []

    def put(self, told: dict[str, Any]) -> None:
        if self.overrun:
            return  # after a gap nothing is told: it would mislead
        try:
            self.queue.put_nowait(told)
        except asyncio.QueueFull:
            self.overrun = True

    def hold(self, told: dict[str, Any]) -> None:
        """Keep it until `release`; the first that cannot fit the queue then is the last kept."""
        if len(self._held) <= WAITING_MOST:
            self._held.append(told)

    def release(self) -> None:
        held, self._held = self._held, []
        for told in held:
            self.put(told)


class Hub:
    """Hands every event to every subscriber."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._listeners: list[Callable[[dict[str, Any]], None]] = []
        self._holding = False

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        subscription = Subscription()
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Call `listener` with every event, for good: a part of the bridge itself."""
        self._listeners.append(listener)

    @property
    def is_watched(self) -> bool:
        return bool(self._subscriptions)

    def publish(self, event: str, source: str, till: int, **body: Any) -> None:
        """Tell all: `event` happened at `till`, and `source` said so."""
        told = message(event, source, time.time(), till, **body)
        for listener in self._listeners:
            try:
                listener(told)
            except Exception as error:  # what only counts must not fail what it counts
                foreign_code.unexpected(foreign_code.LISTENERS, error)
        for subscription in self._subscriptions:
            if self._holding:
                subscription.hold(told)
            else:
                subscription.put(told)

    def hold(self) -> None:
        """Tell subscribers nothing before `release`; listeners hear it as ever."""
        self._holding = True

    def release(self) -> None:
        """Tell all that was held, in its order."""
        self._holding = False
        for subscription in self._subscriptions:
            subscription.release()


def message(event: str, source: str, at: float, till: int, **body: Any) -> dict[str, Any]:
    """An event as watchers see it; `at` in seconds since 1970."""
    return {"event": event, "from": source, "at": at, "till": till, **body}
