"""A till that watches the bridge's events, and comes back with its cursor after each restart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.domain.events import SaleChanged
from bridge.journal import JournalLaterError
from bridge.till.rest import websocket
from bridge.till.rest.views import event_view
from bridge.till.server.problems import ProblemError
from tests.support.values.till_answers import said

if TYPE_CHECKING:
    from bridge.sales.sale_service import Service
    from tests.crash.machine import Machine

GONE = 410  # HTTP: the cursor is too old


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
        self.cursor: int | None = None
        self._machine = machine

    async def follow(self, service: Service) -> None:
        """What `till.rest.websocket` does at the bridge for a till, while its socket lives."""
        with service.books.bus.subscribe() as subscription:
            async for event in websocket.told(
                service, await self._missed(service), subscription, till=True
            ):
                if isinstance(event, SaleChanged):
                    self._send(event)

    async def _missed(self, service: Service) -> list[SaleChanged]:
        while True:
            await service.books.commits.over()
            try:
                return await websocket.missed(service, self.cursor, till=True)
            except ProblemError as error:
                if error.status == GONE:  # then it asks for the open sales
                    self.cursor = None
            except JournalLaterError:  # a 503, and it comes again
                pass

    def _send(self, event: SaleChanged) -> None:
        """What is written to a socket arrives, even if the bridge ends meanwhile."""
        loop, machine = asyncio.get_running_loop(), self._machine
        loop.call_later(
            machine.trip_s, self._take, said(event_view(event)), context=machine.context
        )

    def _take(self, event: dict[str, Any]) -> None:
        sale = event["sale"]
        sale_id = sale.get("sale_id") if "refund_id" not in sale else sale["refund_id"]
        cursor = event.get("cursor")
        if cursor is not None:
            self.cursor = cursor
            self.seen.append(Seen(cursor, sale_id, event["what"]))
        self.latest[sale_id] = sale
        self.news.set()
        self.news = asyncio.Event()
