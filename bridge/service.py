"""The sale service: all stations of one bridge, their shared books, and what tills ask of them."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, NamedTuple

from receiver import session

from .backoff import Backoff, Reconnect
from .books import Books
from .money.sale import UNASKED, Sale, Terms
from .outbox import Outbox
from .station import Station

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

    from .events import Hub
    from .journal import Journal
    from .money.evidence import Evidence
    from .serial_port import Opener
    from .surroundings import Authority

# The authority is asked again soon, as a till waits, and then less often: it may be down for all.
ASK_FIRST_MS = 400
ASK_MOST_MS = 30_000
# A port that is missing is looked for about twice a second at first: somebody is plugging it in.
OPEN_FIRST_MS = 250
OPEN_MOST_MS = 5_000


class ConflictError(Exception):
    """What the till asks contradicts what is already so; `sale` is what stands in the way."""

    def __init__(self, detail: str, sale: Sale) -> None:
        super().__init__(detail)
        self.detail = detail
        self.sale = sale


class UnknownTillError(Exception):
    """No receiver, or more than one, fits what the till named."""


class Order(NamedTuple):
    """A sale as the till asks for it; `till` None where the bridge has one receiver."""

    sale_id: str
    amount: int
    currency: int
    till: int | None
    patience_s: int
    note: str


class StationConfig(NamedTuple):
    """A receiver that is to be served."""

    till: int
    url: str
    evidence: Evidence
    opener: Opener


class Service:
    """Runs every station (`run`), and answers the till API."""

    def __init__(
        self,
        bridge_id: bytes,
        journal: Journal,
        hub: Hub,
        authority: Authority,
        stations: Iterable[StationConfig],
    ) -> None:
        """Rebuilds the sales; raises JournalError."""
        self.books = Books(journal, hub)
        self.authority = authority
        self.outbox = Outbox(authority, self.books, self.backoff)
        self._bridge_id = bridge_id
        self._failure: Exception | None = None
        self._failed = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self.stations: Mapping[int, Station] = {
            row.till: Station(
                row.till, row.url, row.evidence, bridge_id, row.opener, _reconnect(), self
            )
            for row in stations
        }

    async def run(self) -> None:
        """Until cancelled, or until something fails that must not: then an exception group."""
        for owed in self.books.recover():
            self.outbox.add(*owed)
        async with self._tasks as tasks:
            tasks.create_task(self.outbox.run())
            for station in self.stations.values():
                tasks.create_task(station.link.run())
            await self._failed.wait()
            if self._failure:
                raise self._failure

    # What tills ask.

    @property
    def healthy(self) -> bool:
        return self._failure is None

    def ring(self, order: Order) -> tuple[Sale, bool]:
        """The sale for `order`, and whether it is new; raises ConflictError, UnknownTillError."""
        station = self._station(order.till)
        terms = Terms(
            order.sale_id,
            station.till,
            order.amount,
            order.currency,
            order.patience_s,
            order.note,
            session.sale_reference(self._bridge_id, station.till, order.sale_id),
            station.evidence.holder.receiver_id,
        )
        known = self.books.find(order.sale_id)
        if known is not None:
            if known.terms._replace(receiver_id=terms.receiver_id) != terms:
                raise ConflictError("this sale_id stands for another sale", known)
            return known, False
        if station.desk.sale is not None:
            raise ConflictError("another sale is active at this till", station.desk.sale)
        return station.ring(terms), True

    def cancel(self, sale: Sale) -> None:
        """Take back a sale that nobody was asked about; raises ConflictError for any other."""
        if sale.state not in UNASKED:
            raise ConflictError("the sale is beyond cancelling", sale)
        self.stations[sale.terms.till].withdraw()

    def receivers(self) -> list[dict[str, Any]]:
        return [station.view() for station in self.stations.values()]

    def _station(self, till: int | None) -> Station:
        if till is None and len(self.stations) == 1:
            return next(iter(self.stations.values()))
        station = self.stations.get(till) if till is not None else None
        if station is None:
            known = ", ".join(str(number) for number in self.stations)
            raise UnknownTillError(f"till must be one of {known}")
        return station

    # What stations need (`surroundings.Surroundings`).

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(work)

    def fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self._failed.set()

    def backoff(self) -> Backoff:
        return Backoff(ASK_FIRST_MS, ASK_MOST_MS, random.random)


def _reconnect() -> Reconnect:
    return Reconnect(Backoff(OPEN_FIRST_MS, OPEN_MOST_MS, random.random))
