"""Events by WebSocket: one JSON object for each, in order, to whoever watches.

Events of sales carry a cursor, the number of their line in the journal; who comes back with the
last one it saw gets all that it missed first.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

from aiohttp import WSCloseCode, web

from bridge.domain.events import SaleChanged
from bridge.journal import CursorError
from bridge.till.server.problems import ProblemError

from . import journal_stalled, requests
from .views import event_view

if TYPE_CHECKING:
    from bridge.books.event_bus import Subscription
    from bridge.sales.sale_service import Service

HEARTBEAT_S = 30.0
MESSAGE_MOST = 1024  # bytes; watchers have nothing to say


class Stream:
    """All watchers of one bridge."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sockets: WeakSet[web.WebSocketResponse] = WeakSet()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/events?after=cursor."""
        cursor = requests.after(request)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_MOST)
        with self._service.books.hub.subscribe() as subscription:  # first: nothing is missed
            missed = [] if cursor is None else await self._missed(cursor)
            await socket.prepare(request)
            self._sockets.add(socket)
            sender = asyncio.create_task(_send(socket, missed, subscription))
            try:
                async for _ in socket:
                    pass
            finally:
                sender.cancel()
        return socket

    async def close(self, app: web.Application) -> None:
        """The bridge goes: say so to every watcher."""
        for socket in set(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def _missed(self, cursor: int) -> list[SaleChanged]:
        """What happened after `cursor`; whoever reads it may be the till, as everywhere."""
        books = self._service.books
        for sale in books.open_sales():
            self._service.show(sale)
        books.flush()
        await journal_stalled.over(books.stall)
        try:
            return books.events_since(cursor)
        except CursorError:
            self._service.witnesses.cursor(cursor)
            raise ProblemError(
                410, "cursor-gone", "older than what is kept at hand: ask for the open sales"
            ) from None


async def _send(
    socket: web.WebSocketResponse, missed: list[SaleChanged], subscription: Subscription
) -> None:
    with suppress(ConnectionError):
        last = 0
        for change in missed:
            await socket.send_json(event_view(change))
            last = change.cursor or last
        while not (subscription.overrun and subscription.queue.empty()):
            event = await subscription.queue.get()
            if not (isinstance(event, SaleChanged) and event.cursor and event.cursor <= last):
                await socket.send_json(event_view(event))
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too slow")
