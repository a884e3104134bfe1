"""Publish the bridge's events to every subscriber, in order or not at all."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bridge import foreign_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.domain.events import Event

WAITING_MOST = 256  # events that may wait for a slow watcher; then it is cut off rather than misled


class Subscription:
    """The events since it began; `overrun` once the watcher was too slow."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Event] = asyncio.Queue(WAITING_MOST)
        self.overrun = False

    def put(self, event: Event) -> None:
        if self.overrun:
            return  # after a gap any event would mislead
        try:
            self.queue.put_nowait(event)
        except asyncio.QueueFull:
            self.overrun = True


class EventBus:
    """Publishes every event to every subscriber."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._listeners: list[Callable[[Event], None]] = []

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        subscription = Subscription()
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener`, a part of the bridge itself, with every event from now on."""
        self._listeners.append(listener)

    def publish(self, event: Event) -> None:
        """Give the event to all subscribers and listeners."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception as error:  # a listener that counts events must not disturb them
                foreign_code.unexpected(foreign_code.LISTENERS, error)
        for subscription in self._subscriptions:
            subscription.put(event)
