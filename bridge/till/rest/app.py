"""The till API: HTTP and JSON on loopback (design §6)."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from bridge import __version__
from bridge.domain.till_decisions import Wish
from bridge.observability.metrics import CONTENT_TYPE
from bridge.sales.orders import ConflictError
from bridge.till.server.problems import ProblemError
from receiver import reasons

from . import journal_recovering, journal_stalled, requests
from .back_office import OfficeApi
from .models import Serving
from .views import answer, shown_view
from .websocket import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.authority.clock_skew import Clock
    from bridge.domain.sale import Sale
    from bridge.observability.metrics import Metrics
    from bridge.sales.sale_service import Service
    from bridge.till.server.access import Guard

# The journal's text in /healthz, by the reason of a stall.
_JOURNAL = {reasons.OK: "ok", reasons.JOURNAL_LOCKED: "locked", reasons.JOURNAL_FULL: "full"}


def application(
    service: Service,
    guard: Guard,
    metrics: Metrics,
    clock: Clock,
    warnings: Callable[[], list[str]] = list,
) -> web.Application:
    """Build the API as an aiohttp application; /healthz shows the `warnings`."""
    app = web.Application(
        middlewares=[guard.middleware(partial(journal_recovering.must_serve, service))],
        client_max_size=requests.BODY_MOST,
    )
    api = TillApi(service, metrics, clock, warnings)
    office, stream = OfficeApi(service), Stream(service)
    routes = [
        web.post("/v1/sales", api.ring),
        web.post("/v1/refunds", api.refund),
        web.get("/v1/sales", office.open_sales, allow_head=False),
        web.get("/v1/totals", office.totals, allow_head=False),
        web.get("/v1/reconciliation", office.reconciliation, allow_head=False),
        web.post("/v1/reconciliation/acknowledge", office.acknowledge),
        web.get("/v1/outbox", office.outbox, allow_head=False),
        web.post("/v1/outbox/send", office.send),
        web.get("/v1/receivers", office.receivers, allow_head=False),
        web.post("/v1/receivers/{till:[0-9]{1,5}}/update", office.update),
        web.post("/v1/receivers/{till:[0-9]{1,5}}/update/cancel", office.cancel_update),
        web.get("/v1/events", stream.handle, allow_head=False),
        web.get("/healthz", api.health, allow_head=False),
        web.get("/metrics", api.metrics, allow_head=False),
        web.get("/openapi.json", api.openapi, allow_head=False),
    ]
    for kind in ("sales", "refunds"):
        path = f"/v1/{kind}/{{sale_id}}"
        routes.append(web.get(path, partial(api.sale, kind), allow_head=False))
        routes += [
            web.post(f"{path}/{wish}", partial(api.decide, kind, wish))
            for wish in Wish
            if kind == "sales" or wish is not Wish.PAY
        ]
    app.add_routes(routes)
    app.on_shutdown.append(stream.close)
    return app


class TillApi:
    """The handlers; every failure becomes a problem document."""

    def __init__(
        self,
        service: Service,
        metrics: Metrics,
        clock: Clock,
        warnings: Callable[[], list[str]],
    ) -> None:
        self._service = service
        self._warnings = warnings
        self._metrics = metrics
        self._clock = clock
        self._books = service.books

    async def ring(self, request: web.Request) -> web.Response:
        """Handle POST /v1/sales: 201 for a new sale, 200 for the same again."""
        order = await requests.order(request)
        await journal_recovering.asked_before(self._service, order.sale_id, order.amount)
        return await self._begun(lambda: self._service.ring(order))

    async def refund(self, request: web.Request) -> web.Response:
        """Handle POST /v1/refunds: 201 for a new refund, 200 for the same again."""
        order = await requests.refund(request)
        await journal_recovering.brought_back(self._service, order.sale_id)
        if order.phone:  # a refund without a phone is simply ordered again
            await journal_recovering.asked_before(self._service, order.refund_id, order.amount)
        return await self._begun(lambda: self._service.refund(order))

    async def sale(self, kind: str, request: web.Request) -> web.StreamResponse:
        """Handle GET /v1/sales/{sale_id}?wait=seconds, and the same for refunds."""
        seconds = requests.query(request, requests.WaitQuery).wait
        sale = await self._find_or_ask(request, kind)
        if self._books.is_nowhere(sale):
            await journal_stalled.over(self._books.commits)
        if seconds and not self._books.waiting.is_answered(sale):
            await self._books.waiting.news(sale, seconds)
        if request.transport is None or request.transport.is_closing():
            raise asyncio.CancelledError  # the client is gone
        self._service.show(sale)
        response = answer(shown_view(self._books, sale))
        told = self._books.waiting.is_answered(sale)
        await response.prepare(request)
        await response.write_eof()
        if told:
            self._books.told(sale)
        return response

    async def decide(self, kind: str, wish: Wish, request: web.Request) -> web.StreamResponse:
        """Handle POST /v1/sales/{sale_id}/paid, …/cancel, …/abort: the first decision wins."""
        await requests.nothing(request)
        sale = await self._find_or_ask(request, kind, wish)
        try:
            self._service.decide(sale, wish)
        except ConflictError as error:
            pays = wish is Wish.PAY
            paid = pays and await journal_recovering.reconsidered(self._service, sale)
            if not paid:
                raise await self._conflict(error) from error
            sale = paid
        return answer(await journal_stalled.shown(self._service, sale))

    async def health(self, request: web.Request) -> web.Response:
        """Handle GET /healthz."""
        ahead_s = self._clock.ahead_s
        return answer(
            Serving(
                status="ok",
                version=__version__,
                clock_offset_s=None if ahead_s is None else round(ahead_s),
                warnings=self._warnings(),
                journal=self._journal(),
                alarms=len(self._books.alarms()),
            )
        )

    def _journal(self) -> str:
        standing = self._service.standing
        if not standing.serves:
            return str(standing.phase)
        return _JOURNAL[self._books.commits.reason] if self._service.serves else "recovering"

    async def metrics(self, request: web.Request) -> web.Response:
        """Handle GET /metrics, in Prometheus's text format."""
        headers = {"Content-Type": CONTENT_TYPE}
        return web.Response(body=await self._metrics.render(), headers=headers)

    async def openapi(self, request: web.Request) -> web.Response:
        from . import openapi  # built from all types: too slow for a bridge's start

        return web.json_response(openapi.DOCUMENT)

    async def _begun(self, begin: Callable[[], tuple[Sale, bool]]) -> web.Response:
        await journal_stalled.over(self._books.commits)
        try:
            sale, new = begin()
        except ConflictError as error:
            raise await self._conflict(error) from error
        view = await journal_stalled.shown(self._service, sale)
        return answer(view, 201 if new else 200)

    def _find(self, request: web.Request, kind: str) -> Sale:
        sale = self._books.find(request.match_info["sale_id"])
        if sale is None or sale.is_refund != (kind == "refunds"):
            raise ProblemError(404, "unknown-sale", f"none of the {kind} has this id")
        return sale

    async def _find_or_ask(self, request: web.Request, kind: str, wish: Wish | None = None) -> Sale:
        """Find the sale, or adopt it from the authority if the journal may have lost it.

        A decision always asks the authority, a query only if the journal may lack entries.
        """
        try:
            return self._find(request, kind)
        except ProblemError:
            sale_id = request.match_info["sale_id"]
            whole = wish is None and self._service.standing.is_whole
            if whole or not requests.SALE_ID.fullmatch(sale_id):
                raise
            await journal_recovering.adopt(self._service, sale_id, claim=wish is Wish.PAY)
            return self._find(request, kind)

    async def _conflict(self, error: ConflictError) -> ProblemError:
        view = await journal_stalled.shown(self._service, error.sale)
        return ProblemError(409, error.kind, error.detail, sale=view)
