"""Hands what happens in the bridge to every subscriber, in order or not at all.

A fact that is noted and not on the disk yet may be forgotten in a crash, so no subscriber hears of
it, nor of anything after it: `hold` until `release`.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bridge import foreign_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.domain.events import Event

WAITING_MOST = 256  # events that a slow watcher may owe; then it is cut off rather than misled


class Subscription:
    """The events since it began; `overrun` once the watcher was too slow."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Event] = asyncio.Queue(WAITING_MOST)
        self.overrun = False
        self._held: list[Event] = []

    def put(self, event: Event) -> None:
        if self.overrun:
            return  # after a gap any event would mislead
        try:
            self.queue.put_nowait(event)
        except asyncio.QueueFull:
            self.overrun = True

    def hold(self, event: Event) -> None:
        """Keep it until `release`; the first that cannot fit the queue then is the last kept."""
        if len(self._held) <= WAITING_MOST:
            self._held.append(event)

    def release(self) -> None:
        held, self._held = self._held, []
        for event in held:
            self.put(event)


class EventBus:
    """Hands every event to every subscriber."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._listeners: list[Callable[[Event], None]] = []
        self._holding = False

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        subscription = Subscription()
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` with every event, for good: a part of the bridge itself."""
        self._listeners.append(listener)

    @property
    def is_watched(self) -> bool:
        return bool(self._subscriptions)

    def publish(self, event: Event) -> None:
        """Tell all."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception as error:  # what only counts must not fail what it counts
                foreign_code.unexpected(foreign_code.LISTENERS, error)
        for subscription in self._subscriptions:
            if self._holding:
                subscription.hold(event)
            else:
                subscription.put(event)

    def hold(self) -> None:
        """Tell subscribers nothing before `release`; listeners hear it as ever."""
        self._holding = True

    def release(self) -> None:
        """Tell all that was held, in its order."""
        self._holding = False
        for subscription in self._subscriptions:
            subscription.release()
