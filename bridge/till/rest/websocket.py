"""Events by WebSocket: one JSON object for each, in order, to every watcher.

Events of sales carry a cursor, the number of their entry in the journal; a watcher that returns
with the last one it saw gets the missed events first. Watching notifies no till, except one that
declares itself (`till=true`): `approved` is stored as notified before it is sent to it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

from aiohttp import WSCloseCode, web
from msgspec import UNSET

from bridge import contracts
from bridge.domain.events import SaleChanged
from bridge.domain.states import State
from bridge.journal import CursorError
from bridge.till.server.problems import ProblemError

from . import journal_stalled, requests
from .views import event_view

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.books.event_bus import Subscription
    from bridge.domain.events import Event
    from bridge.sales.sale_service import Service

HEARTBEAT_S = 30.0  # below the usual limit of proxies (60 s); a watcher that is gone is noticed
MESSAGE_MOST = 1024  # bytes; watchers send nothing


class Stream:
    """All watchers of one bridge."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._sockets: WeakSet[web.WebSocketResponse] = WeakSet()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/events?after=cursor&till=true."""
        asked = requests.query(request, requests.EventsQuery)
        cursor = None if asked.after is UNSET else asked.after
        till = bool(asked.till)
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_MOST)
        if cursor is None:
            self._service.books.commits.flush()  # earlier events are no news
        with self._service.books.bus.subscribe() as subscription:  # first: nothing is missed
            past = await missed(self._service, cursor, till=till)
            await socket.prepare(request)
            self._sockets.add(socket)
            events = told(self._service, past, subscription, till=till)
            sender = asyncio.create_task(_send(socket, events))
            try:
                async for _ in socket:
                    pass
            finally:
                sender.cancel()
        return socket

    async def close(self, app: web.Application) -> None:
        """Close every watcher's socket: the bridge stops."""
        for socket in set(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)


async def missed(service: Service, cursor: int | None, *, till: bool) -> list[SaleChanged]:
    """Return the events after `cursor`, if given; raises ProblemError."""
    books = service.books
    for sale in books.open_sales() if till else ():
        service.show(sale)
    if cursor is None:
        return []
    books.commits.flush()
    await journal_stalled.over(books.commits)
    try:
        return books.events_since(cursor)
    except CursorError:
        service.witnesses.cursor(cursor)
        raise ProblemError(
            410, "cursor-gone", "older than the available events: ask for the open sales"
        ) from None


async def told(
    service: Service, past: list[SaleChanged], subscription: Subscription, *, till: bool
) -> AsyncIterator[Event]:
    """Yield one watcher's events until it is too slow: the missed ones, then new ones.

    `approved` comes only once its till is notified; if the watcher is a till, this notifies it.
    """
    last = 0
    for change in past:
        yield change
        last = change.cursor or last
    while not (subscription.overrun and subscription.queue.empty()):
        event = await subscription.queue.get()
        if isinstance(event, SaleChanged):
            if event.cursor and event.cursor <= last:
                continue
            if event.sale.state is State.APPROVED:
                sale = service.books.find(event.sale.terms.sale_id) if till else None
                if sale is not None:
                    service.show(sale)
                continue
        yield event


async def _send(socket: web.WebSocketResponse, events: AsyncIterator[Event]) -> None:
    with suppress(ConnectionError):
        async for event in events:
            await socket.send_str(contracts.encode(event_view(event)).decode())
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too slow")
