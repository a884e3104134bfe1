"""Events by WebSocket: one JSON object for each, in order, to whoever watches."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakSet

from aiohttp import WSCloseCode, web

if TYPE_CHECKING:
    from bridge.events import Hub, Subscription

HEARTBEAT_S = 30.0
MESSAGE_MOST = 1024  # bytes; watchers have nothing to say


class Stream:
    """All watchers of one bridge."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._sockets: WeakSet[web.WebSocketResponse] = WeakSet()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/events."""
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MESSAGE_MOST)
        with self._hub.subscribe() as subscription:  # first, so that nothing is missed
            await socket.prepare(request)
            self._sockets.add(socket)
            sender = asyncio.create_task(_send(socket, subscription))
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


async def _send(socket: web.WebSocketResponse, subscription: Subscription) -> None:
    with suppress(ConnectionError):
        while not (subscription.overrun and subscription.queue.empty()):
            await socket.send_json(await subscription.queue.get())
        await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too slow")
