"""A till that watches the bridge's events, and comes back with its cursor after each restart."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.domain.events import SaleChanged
from bridge.journal import CursorError, JournalLaterError
from bridge.till.rest.views import event_view

if TYPE_CHECKING:
    from bridge.sales.sale_service import Service
    from tests.crash.machine import Machine


class Seen(NamedTuple):
    """An event of a sale; `cursor` is the number of its line in the journal."""

    cursor: int
    sale_id: str
    what: str


class Watcher:
    """What it has seen, and the latest of each sale."""

    def __init__(self, machine: Machine) -> None:
        self.seen: list[Seen] = []
        self.latest: dict[str, dict[str, Any]] = {}
        self.news = asyncio.Event()
        self._cursor: int | None = None
        self._machine = machine

    async def follow(self, service: Service) -> None:
        """What `bridge.till.rest.websocket` does at the bridge for one socket, while that lives."""
        with service.books.hub.subscribe() as subscription:
            last = 0
            for event in [] if self._cursor is None else await _missed(service, self._cursor):
                self._send(event)
                last = event.cursor or last
            while True:
                told = await subscription.queue.get()
                if isinstance(told, SaleChanged) and not (told.cursor and told.cursor <= last):
                    self._send(told)

    def _send(self, event: SaleChanged) -> None:
        """What is written to a socket arrives, even if the bridge ends meanwhile."""
        loop, machine = asyncio.get_running_loop(), self._machine
        loop.call_later(machine.trip_s, self._take, event_view(event), context=machine.context)

    def _take(self, event: dict[str, Any]) -> None:
        sale = event["sale"]
        sale_id = sale.get("sale_id") if "refund_id" not in sale else sale["refund_id"]
        cursor = event.get("cursor")
        if cursor is not None:
            self._cursor = cursor
            self.seen.append(Seen(cursor, sale_id, event["what"]))
        self.latest[sale_id] = sale
        self.news.set()
        self.news = asyncio.Event()


async def _missed(service: Service, cursor: int) -> list[SaleChanged]:
    books = service.books
    for sale in books.open_sales():
        service.show(sale)
    while True:
        books.flush()
        await books.stall.over()
        with suppress(JournalLaterError):  # a 503, and it comes again
            try:
                return books.events_since(cursor)
            except CursorError:  # then it asks for the open sales
                return []
