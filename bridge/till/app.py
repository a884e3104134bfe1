"""The till API: HTTP and JSON on loopback (design §6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from bridge import __version__
from bridge.service import ConflictError, UnknownTillError
from bridge.views import sale_view

from . import guard, openapi, problems, requests
from .problems import ProblemError
from .stream import Stream

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from bridge.money.sale import Sale
    from bridge.service import Service

SHUTDOWN_S = 1.0  # for answers under way; tills that wait ask again


def application(service: Service) -> web.Application:
    """The whole API as an aiohttp application."""
    app = web.Application(
        middlewares=[problems.middleware, guard.middleware(service)],
        client_max_size=requests.BODY_MOST,
    )
    api, stream = TillApi(service), Stream(service.books.hub)
    app.add_routes(
        [
            web.post("/v1/sales", api.ring),
            web.get("/v1/sales/{sale_id}", api.sale, allow_head=False),
            web.post("/v1/sales/{sale_id}/cancel", api.cancel),
            web.get("/v1/receivers", api.receivers, allow_head=False),
            web.get("/v1/events", stream.handle, allow_head=False),
            web.get("/healthz", api.health, allow_head=False),
            web.get("/openapi.json", api.openapi, allow_head=False),
        ]
    )
    app.on_shutdown.append(stream.close)
    return app


async def serve(stack: AsyncExitStack, service: Service, host: str, port: int) -> str:
    """Listen until `stack` unwinds; the API's address, with the port that was taken."""
    runner = web.AppRunner(application(service), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, host, port).start()
    bound = runner.addresses[0][1]
    return f"http://{f'[{host}]' if ':' in host else host}:{bound}"


class TillApi:
    """The handlers; every failure leaves as a problem document."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._books = service.books

    async def ring(self, request: web.Request) -> web.Response:
        """POST /v1/sales: 201 for a new sale, 200 for the same again."""
        order = await requests.order(request)
        try:
            sale, new = self._service.ring(order)
        except ConflictError as error:
            raise _conflict(error) from error
        except UnknownTillError as error:
            raise ProblemError(404, "unknown-till", str(error)) from error
        return web.json_response(sale_view(sale), status=201 if new else 200)

    async def sale(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/sales/{sale_id}?wait=seconds."""
        seconds = requests.wait(request)
        sale = self._find(request)
        if seconds:
            await self._books.news(sale, seconds)
        response = web.json_response(sale_view(sale))
        told = sale.final
        await response.prepare(request)
        await response.write_eof()
        if told:
            self._books.told(sale)
        return response

    async def cancel(self, request: web.Request) -> web.Response:
        """POST /v1/sales/{sale_id}/cancel: the first decision wins."""
        await requests.nothing(request)
        sale = self._find(request)
        try:
            self._service.cancel(sale)
        except ConflictError as error:
            raise _conflict(error) from error
        return web.json_response(sale_view(sale))

    async def receivers(self, request: web.Request) -> web.Response:
        return web.json_response({"receivers": self._service.receivers()})

    async def health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "version": __version__})

    async def openapi(self, request: web.Request) -> web.Response:
        return web.json_response(openapi.DOCUMENT)

    def _find(self, request: web.Request) -> Sale:
        sale = self._books.find(request.match_info["sale_id"])
        if sale is None:
            raise ProblemError(404, "unknown-sale", "no sale has this sale_id")
        return sale


def _conflict(error: ConflictError) -> ProblemError:
    return ProblemError(409, "conflict", error.detail, sale=sale_view(error.sale))
