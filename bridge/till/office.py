"""For the back office and for people who watch: what is open, what is owed, what a day came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from bridge import totals

from . import away, requests, stalled
from .problems import ProblemError

if TYPE_CHECKING:
    from bridge.service import Service
    from bridge.station import Station
    from bridge.totals import Day, Row

MS = 1000
# A hold is older than the till's decision about it by no more than the decision takes.
AROUND_S = 24 * 3600
ASKED_MOST = 100  # approvals asked for one by one: booked on another day than they were paid


class OfficeApi:
    """Nothing here decides about a sale."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._books = service.books

    async def open_sales(self, request: web.Request) -> web.Response:
        """GET /v1/sales?till=number: every sale and refund with something left to happen."""
        requests.known(request, "till")
        till = requests.till(request)
        books = self._books
        found = [sale for sale in books.open_sales() if till in (None, sale.terms.till)]
        for sale in found:
            self._service.show(sale)
        found = [sale for sale in found if not books.is_nowhere(sale)]
        return web.json_response({"sales": [books.view(sale) for sale in found]})

    async def totals(self, request: web.Request) -> web.Response:
        """GET /v1/totals?day=date&till=number."""
        requests.known(request, "day", "till")
        day = requests.day(request)
        await stalled.over(self._books.stall)
        rows = [
            {**_names(station), "sums": totals.total(self._rows(station, day))}
            for station in self._stations(request)
        ]
        return web.json_response({"day": day.name, "receivers": rows})

    async def reconciliation(self, request: web.Request) -> web.Response:
        """GET /v1/reconciliation?day=date&till=number: the journal beside the authority's books."""
        requests.known(request, "day", "till")
        day = requests.day(request)
        await stalled.over(self._books.stall)
        compared = []
        for station in self._stations(request):
            wide = day._replace(begin=day.begin - AROUND_S, end=day.end + AROUND_S)
            ours = self._rows(station, day)
            theirs = await self._theirs(station, day, ours)
            around = [*self._rows(station, wide), *self._books.under_way(_id(station))]
            compared.append({**_names(station), **totals.compare(ours, around, theirs)})
        return web.json_response({"day": day.name, "receivers": compared})

    async def outbox(self, request: web.Request) -> web.Response:
        """GET /v1/outbox: what the authority is still to hear, and why it has not yet."""
        requests.known(request)
        return web.json_response(self._outbox())

    async def send(self, request: web.Request) -> web.Response:
        """POST /v1/outbox/send: try all of it now."""
        await requests.nothing(request)
        self._service.outbox.send_now()
        return web.json_response(self._outbox())

    async def receivers(self, request: web.Request) -> web.Response:
        """GET /v1/receivers: each with its health and counters."""
        requests.known(request)
        return web.json_response({"receivers": self._service.receivers()})

    def _outbox(self) -> dict[str, Any]:
        outbox = self._service.outbox
        unsent = [sale for sale in self._books.open_sales() if sale.unsent]
        for sale in unsent:
            self._service.show(sale)
        return {
            "depth": outbox.depth(),
            "oldest_s": round(outbox.oldest_s(), 3),
            "unsent": [self._books.view(sale) for sale in unsent],
        }

    def _stations(self, request: web.Request) -> list[Station]:
        till = requests.till(request)
        found = [one for one in self._service.stations.values() if till in (None, one.till)]
        if not found:
            raise ProblemError(404, "unknown-till", "no receiver serves this till")
        return found

    def _rows(self, station: Station, day: Day) -> list[Row]:
        return self._books.rows(_id(station), day.begin * MS, day.end * MS)

    async def _theirs(self, station: Station, day: Day, ours: list[Row]) -> list[dict[str, Any]]:
        """The day's list, and what else the journal counts on."""
        authority, receiver_id = self._service.authority, _id(station)
        with away.told():
            listed = await authority.transactions(receiver_id, day.begin, day.end)
            for name in totals.missing(ours, listed)[:ASKED_MOST]:
                one = await authority.transaction(bytes.fromhex(name), receiver_id)
                listed += [one] if one else []
        return listed


def _id(station: Station) -> bytes:
    return station.evidence.holder.receiver_id


def _names(station: Station) -> dict[str, Any]:
    return {"till": station.till, "receiver_id": _id(station).hex()}
