"""The sale service: all stations of one bridge, their shared books, and what tills ask of them."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, NamedTuple

from receiver import reasons, session
from receiver.errors import Error

from . import adoption, refunding
from .backoff import Backoff, Reconnect
from .books import Books
from .money import ports, refunds
from .money.decisions import TooLateError, Wish, decide
from .money.sale import Fact, Sale, Terms
from .money.states import UNASKED, Event, State
from .orders import (
    ConflictError,
    NotNowError,
    Order,
    RefundOrder,
    UnknownTillError,
)
from .outbox import Outbox
from .station import Station

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

    from receiver.messages import Receipt

    from .events import Hub
    from .journal import Journal
    from .kept_limits import KeptLimits
    from .money.evidence import Evidence
    from .serial_port import Opener
    from .surroundings import Authority

# A port that is missing is looked for about twice a second at first: somebody is plugging it in.
OPEN_FIRST_MS = 250
OPEN_MOST_MS = 5_000


class StationConfig(NamedTuple):
    """A receiver that is to be served."""

    till: int
    url: str
    evidence: Evidence
    opener: Opener
    limits: KeptLimits | None = None  # where a restart finds what may be sold offline


class Service:
    """Runs every station (`run`), and answers the till API."""

    def __init__(
        self,
        bridge_id: bytes,
        journal: Journal,
        hub: Hub,
        authority: Authority,
        stations: Iterable[StationConfig],
        *,
        offline: bool = False,
    ) -> None:
        """Rebuilds the sales; raises JournalError."""
        self.books = Books(journal, hub, self.fail)
        self.authority = authority
        self.offline = offline
        self.outbox = Outbox(authority, self.books, self._prove)
        self._bridge_id = bridge_id
        self._stopping = False
        self._adopting = asyncio.Lock()
        self._failure: Exception | None = None
        self._failed = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self.stations: Mapping[int, Station] = {
            row.till: Station(
                *(row.till, row.url, row.evidence, bridge_id, row.opener),
                *(_reconnect(), self, row.limits),
            )
            for row in stations
        }

    async def run(self) -> None:
        """Until cancelled, or until something fails that must not: then an exception group."""
        for sale in self.books.recover():
            self.outbox.resume(sale)
        async with self._tasks as tasks:
            tasks.create_task(self.outbox.run())
            for station in self.stations.values():
                tasks.create_task(station.link.run())
            await self._failed.wait()
            if self._failure:
                raise self._failure

    async def drain(self, seconds: float) -> None:
        """Take nothing new, end what waits for a buyer, and wait for what was asked about."""
        self._stopping = True
        for station in self.stations.values():
            sale = station.desk.sale
            if sale is not None and sale.state in UNASKED:
                station.decide(Fact(Event.ENDED, reasons.BRIDGE_RESTARTED))
        waited = [self.books.waiting.answered(sale, seconds) for sale in self._at_the_desks()]
        await asyncio.gather(*waited)

    # What tills ask.

    @property
    def healthy(self) -> bool:
        return self._failure is None

    def ring(self, order: Order) -> tuple[Sale, bool]:
        """The sale for `order`, and whether it is new.

        Raises ConflictError, UnknownTillError, NotNowError.
        """
        station = self._station(order.till)
        terms = self._terms(
            station, order.sale_id, order.amount, order.currency, order.patience_s, order.note
        )
        return self._begin(station, terms)

    def refund(self, order: RefundOrder) -> tuple[Sale, bool]:
        """The refund for `order`, and whether it is new; raises as `ring`, and UnknownSaleError."""
        order = refunding.named(self.books, order)
        bought = refunding.bought(self.books, order)
        station = self._station(order.till or (bought.terms.till if bought else None))
        currency = order.currency or (bought.terms.currency if bought else 0)
        plain = self._terms(
            station, order.refund_id, order.amount, currency, order.patience_s, order.note
        )
        terms = refunding.terms(plain, order, bought)
        name = refunds.refund_id(self._bridge_id, terms.sale_id)
        known = self._known(terms)
        if known is not None:
            refunding.must_be_the_same_way(known, name, phone=order.phone)
            return known, False
        if bought:
            refunding.must_fit(self.books, bought, terms, phone=order.phone)
        if order.phone:
            return self._begin(station, terms)
        return self._owe_refund(Sale(terms), name), True

    def decide(self, sale: Sale, wish: Wish) -> None:
        """What the till or the cashier wants; raises ConflictError where it is too late for it."""
        try:
            fact = decide(sale, wish)
        except TooLateError as error:
            raise ConflictError("conflict", f"the sale is {error} already", sale) from error
        if fact is None:
            return
        station = self.stations.get(sale.terms.till)
        if station is not None and station.desk.sale is sale:
            station.decide(fact)
            return
        self.books.take(sale, fact, ports.TILL)
        self.outbox.resume(sale)

    async def adopt(self, sale_id: str) -> Sale | None:
        """A sale that is in no journal any more, if the authority holds it.

        Raises UnansweredError and RefusedError.
        """
        stations = self.stations.values()
        async with self._adopting:  # one at a time: each reads days of the authority's books
            known = self.books.find(sale_id)  # somebody else may have been as quick
            if known is not None:
                return known
            found = await adoption.find(self.authority, self._bridge_id, stations, sale_id)
        if found is None:
            return None
        sale, facts = found
        self.books.begin_with(sale, facts[0])
        self.books.tell(sale, facts[0].event, ports.AUTHORITY)
        for fact in facts[1:]:
            self.books.take(sale, fact, ports.AUTHORITY)
        self.outbox.resume(sale)
        return sale

    def show(self, sale: Sale) -> None:
        """The till is about to see this sale: what it sees as approved is its own from here on."""
        station = self.stations.get(sale.terms.till)
        if sale.state is not State.APPROVED or self.books.is_held(sale):
            return
        if station is not None and station.desk.sale is sale:
            station.tell()

    def receivers(self) -> list[dict[str, Any]]:
        return [station.view() for station in self.stations.values()]

    def _begin(self, station: Station, terms: Terms) -> tuple[Sale, bool]:
        known = self._known(terms)
        if known is not None:
            return known, False
        if station.desk.sale is not None:
            text = "another sale is active at this till"
            raise ConflictError("conflict", text, station.desk.sale)
        self._must_take()
        return station.ring(terms), True

    def _known(self, terms: Terms) -> Sale | None:
        """The sale that has this id already, if it is the same; raises ConflictError."""
        known = self.books.find(terms.sale_id)
        if known is None:
            return None
        if not self.books.is_at_hand(terms.sale_id):
            raise ConflictError("sale-id-used", "this id was used by a sale long closed", known)
        same = known.terms._replace(receiver_id=terms.receiver_id)
        if terms.original and same.original == terms.original:  # named by itself, or by its sale
            same = same._replace(original_sale=terms.original_sale)
        elif terms.original_sale:  # whose transaction may not have been known then
            same = same._replace(original=terms.original)
        if same != terms:
            raise ConflictError("conflict", "this id stands for something else", known)
        return known

    def _owe_refund(self, sale: Sale, name: bytes) -> Sale:
        """One that needs no phone is decided as soon as the till asks for it."""
        self._must_take()
        self.books.begin_with(sale, Fact(Event.REFUND_ORDERED, approval_id=name))
        self.books.tell(sale, Event.REFUND_ORDERED, ports.TILL)
        self.outbox.refund(sale)
        return sale

    def _must_take(self) -> None:
        if self._stopping:
            raise NotNowError(reasons.OK)
        if self.books.stall.reason:
            raise NotNowError(self.books.stall.reason)
        if not self.books.has_room():
            raise NotNowError(reasons.JOURNAL_FULL)

    def _terms(
        self, station: Station, sale_id: str, amount: int, currency: int, patience_s: int, note: str
    ) -> Terms:
        return Terms(
            sale_id,
            station.till,
            amount,
            currency,
            patience_s,
            note,
            session.sale_reference(self._bridge_id, station.till, sale_id),
            station.evidence.holder.receiver_id,
        )

    def _station(self, till: int | None) -> Station:
        if till is None and len(self.stations) == 1:
            return next(iter(self.stations.values()))
        station = self.stations.get(till) if till is not None else None
        if station is None:
            known = ", ".join(str(number) for number in self.stations)
            raise UnknownTillError(f"till must be one of {known}")
        return station

    def _at_the_desks(self) -> list[Sale]:
        sales = [station.desk.sale for station in self.stations.values()]
        return [sale for sale in sales if sale is not None]

    # What stations and outbox need (`surroundings.Surroundings`).

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(work)

    def fail(self, error: Exception) -> None:
        self._failure = self._failure or error
        self._failed.set()

    def _prove(self, sale: Sale, data: bytes) -> Receipt:
        station = self.stations.get(sale.terms.till)
        if station is None:
            raise Error(reasons.RECEIVER_UNKNOWN, "its receiver is no longer configured")
        return station.evidence.receipt(sale.terms, sale.approval_id, data)


def _reconnect() -> Reconnect:
    return Reconnect(Backoff(OPEN_FIRST_MS, OPEN_MOST_MS, random.random))
