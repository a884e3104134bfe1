"""Routes for the back office and for people: open sales, outbox, totals, reconciliation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from bridge.books import totals
from bridge.contracts import convert
from bridge.domain.till_decisions import Wish
from bridge.sales.orders import ConflictError, UnknownSaleError
from bridge.sales.reconciliation import Reconciliation
from bridge.till.server.problems import ProblemError

from . import journal_stalled, requests
from .models import (
    Acknowledged,
    Difference,
    OpenSales,
    OutboxView,
    PlaceReconciliation,
    PlaceTotals,
    Receivers,
    ReconciliationView,
    SaleView,
    Sums,
    Totals,
    UpdateOrdered,
)
from .views import alarm_view, answer, receiver_view, sale_view, shown_view

if TYPE_CHECKING:
    from aiohttp import web

    from bridge.books.totals import TotalsRow
    from bridge.domain.sale import Place
    from bridge.sales.ports import Updates
    from bridge.sales.reconciliation import Compared
    from bridge.sales.sale_service import Service

MS = 1000


class OfficeApi:
    """Handlers that decide nothing about a sale, but for a person's acknowledgement."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._books = service.books

    async def open_sales(self, request: web.Request) -> web.Response:
        """GET /v1/sales?till=number: every sale and refund that is not closed."""
        till = requests.query(request, requests.TillQuery).till
        books = self._books
        found = [sale for sale in books.open_sales() if till in (UNSET, sale.terms.till)]
        for sale in found:
            self._service.show(sale)
        found = [sale for sale in found if not books.is_nowhere(sale)]
        return answer(OpenSales([shown_view(books, sale) for sale in found]))

    async def totals(self, request: web.Request) -> web.Response:
        """GET /v1/totals?day=date&till=number."""
        asked = requests.query(request, requests.DayQuery)
        day = requests.day(asked)
        await journal_stalled.over(self._books.commits)
        rows = self._books.rows(day.begin * MS, day.end * MS)
        places = [place for place in self._places() if asked.till in (UNSET, place.till)]
        _must_know(places)
        summed = [self._sums(place, rows) for place in places]
        return answer(Totals(day=day.name, receivers=summed))

    async def reconciliation(self, request: web.Request) -> web.Response:
        """GET /v1/reconciliation?day=date&till=number: the journal and the authority's books."""
        asked = requests.query(request, requests.DayQuery)
        day, till = requests.day(asked), asked.till or None
        if till is not None:
            _must_know([place for place in self._places() if place.till == till])
        await journal_stalled.over(self._books.commits)
        books = Reconciliation(self._books, self._service.authority, self._service.today())
        compared = [self._compared(one) for one in await books.day(day, till)]
        alarms = [alarm_view(one.alarm) for one in self._books.alarms()]
        return answer(ReconciliationView(day=day.name, receivers=compared, alarms=alarms))

    async def acknowledge(self, request: web.Request) -> web.Response:
        """POST /v1/reconciliation/acknowledge: a person has seen it, or decides about it."""
        word = await requests.body(request, requests.AcknowledgementRequest)
        key, by, note = str(word.key), str(word.by), str(word.note or "")
        await journal_stalled.over(self._books.commits)
        loss = self._service.loss
        if word.decision is None:
            if not await loss.acknowledge(key, by, note):
                raise ProblemError(404, "unknown-alarm", "no alarm or difference has this key")
            await journal_stalled.over(self._books.commits)
            return answer(Acknowledged(key=key, sale=None))
        try:
            sale = await loss.take_over(key, by, note)
            self._service.decide(sale, Wish(word.decision))
        except UnknownSaleError as error:
            raise ProblemError(404, "unknown-alarm", str(error)) from error
        except ConflictError as error:
            more = sale_view(error.sale)
            raise ProblemError(409, error.kind, error.detail, sale=more) from error
        view = await journal_stalled.shown(self._service, sale)
        return answer(Acknowledged(key=key, sale=view))

    async def outbox(self, request: web.Request) -> web.Response:
        """GET /v1/outbox: what is owed to the authority, and why it was not sent yet."""
        requests.query(request, requests.Nothing)
        return answer(self._outbox())

    async def send(self, request: web.Request) -> web.Response:
        """POST /v1/outbox/send: try to send all of it now."""
        await requests.nothing(request)
        self._service.outbox.send_now()
        return answer(self._outbox())

    async def receivers(self, request: web.Request) -> web.Response:
        """GET /v1/receivers: each with its health and counters."""
        requests.query(request, requests.Nothing)
        found = [receiver_view(one) for one in self._service.receivers()]
        return answer(Receivers(found))

    async def update(self, request: web.Request) -> web.Response:
        """POST /v1/receivers/{till}/update: update this receiver once no buyer is at it."""
        await requests.nothing(request)
        updates, till = self._updates(request)
        return answer(UpdateOrdered(till=till, attempt=updates.order(till)), 202)

    async def cancel_update(self, request: web.Request) -> web.Response:
        """POST /v1/receivers/{till}/update/cancel: take it back; the receiver sells at once."""
        await requests.nothing(request)
        updates, till = self._updates(request)
        updates.cancel(till)
        [found] = [one for one in self._service.receivers() if one.till == till]
        return answer(receiver_view(found))

    def _updates(self, request: web.Request) -> tuple[Updates, int]:
        till = int(request.match_info["till"])
        updates = self._service.updates
        if updates is None or till not in self._service.sessions:
            raise ProblemError(404, "unknown-till", "no receiver serves this till")
        return updates, till

    def _outbox(self) -> OutboxView:
        outbox = self._service.outbox
        unsent = [sale for sale in self._books.open_sales() if sale.unsent]
        for sale in unsent:
            self._service.show(sale)
        shown = (shown_view(self._books, sale) for sale in unsent)
        return OutboxView(
            depth=outbox.depth(),
            oldest_s=round(outbox.oldest_s(), 3),
            unsent=[view for view in shown if isinstance(view, SaleView)],
        )

    def _places(self) -> list[Place]:
        """Return today's receivers, then all others in the journal."""
        return list(dict.fromkeys((*self._service.today(), *self._books.places())))

    def _sums(self, place: Place, rows: list[TotalsRow]) -> PlaceTotals:
        sums = totals.total([row for row in rows if row.place == place])
        return PlaceTotals(
            till=place.till,
            receiver_id=place.receiver_id.hex(),
            configured=place in self._service.today(),
            sums=convert(sums, list[Sums]),
        )

    def _compared(self, one: Compared) -> PlaceReconciliation:
        return PlaceReconciliation(
            till=one.till,
            receiver_id=one.receiver_id.hex(),
            configured=(one.till, one.receiver_id) in self._service.today(),
            matched=one.matched,
            differences=convert(one.differences, list[Difference]),
            acknowledged=convert(one.acknowledged, list[Difference]),
        )


def _must_know(places: list[Place]) -> None:
    if not places:
        raise ProblemError(404, "unknown-till", "no receiver serves or has served this till")
