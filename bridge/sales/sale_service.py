"""The sale service: all receivers of one bridge, their shared books, and the tills' requests."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bridge.authority.clock_skew import Clock
from bridge.books import unconfigured
from bridge.books.books import Books
from bridge.domain.crash_recovery import is_ended_by_restart
from bridge.domain.events import TILL
from bridge.domain.sale import Fact, Sale, Terms
from bridge.domain.states import UNASKED, Event, State
from bridge.domain.till_decisions import TooLateError, Wish, decide
from bridge.journal import JournalError
from bridge.lines.reconnect import Reconnect
from bridge.observability.logs import Log
from receiver import reasons
from receiver.host.backoff import Backoff
from receiver.protocol import identifiers

from . import orders, refund_service
from .journal_loss import JournalLoss
from .journal_standing import JournalStanding
from .orders import ConflictError, NotNowError, Order, RefundOrder, UnknownTillError
from .outbox import Outbox
from .receiver_session import ReceiverSession, ReceiverSetup
from .rollback_witnesses import Witnesses

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping

    from bridge.books.event_bus import EventBus
    from bridge.domain.receiver_status import ReceiverStatus
    from bridge.domain.sale import Place
    from bridge.journal import Journal, Position

    from .outbox import Prove
    from .ports import Authority, Updates

# A missing port is tried about twice a second at first: a person may be plugging it in.
OPEN_FIRST_MS = 250
OPEN_MOST_MS = 5_000
STANDING_S = 3.0  # the longest silence to tills after a restart with a sale in doubt

_log = Log(__name__)


class Service:
    """Runs every session (`run`), and answers the till API."""

    def __init__(
        self,
        *,
        bridge_id: bytes,
        journal: Journal,
        bus: EventBus,
        authority: Authority,
        receivers: Iterable[ReceiverSetup],
        prove: Prove,
        offline: bool = False,
        clock: Clock | None = None,
        apart: Position | None = None,
    ) -> None:
        """Rebuild the sales; raises JournalError. `clock` checks the terminal's clock.

        `apart`: see `JournalStanding`.
        """
        self._journal = journal
        self.books = Books(journal, bus, self.fail)
        self.authority = authority
        self.offline = offline
        self.clock = clock or Clock()
        self.outbox = Outbox(authority, self.books, prove)
        self.updates: Updates | None = None  # where this bridge updates receivers
        self.bridge_id = bridge_id
        self._stopping = False
        self.begun = asyncio.Event()  # set once the repair after a crash is done
        self._failure: Exception | None = None
        self._failed = asyncio.Event()
        self._tasks = asyncio.TaskGroup()
        self.sessions: Mapping[int, ReceiverSession] = {
            row.till: ReceiverSession(row, bridge_id, _reconnect(), self) for row in receivers
        }
        self.loss = JournalLoss(self.books, authority, self.outbox, bridge_id, self.today())
        self.standing = JournalStanding(
            bridge_id=bridge_id,
            journal=journal,
            books=self.books,
            announce=authority.announce,
            recover=self._recover,
            apart=apart,
        )
        self.witnesses = Witnesses(self.books, self.loss, self.standing, self.spawn)

    async def run(self) -> None:
        """Run until cancelled; a fatal failure raises an exception group."""
        async with self._tasks as tasks:
            tasks.create_task(self.standing.run())
            tasks.create_task(self._resume())
            for session in self.sessions.values():
                tasks.create_task(session.link.run())
            await self._failed.wait()
            if self._failure:
                raise self._failure

    async def _resume(self) -> None:
        """Repair what a crash left half done, then run the outbox.

        A pending sale may have continued in a span that the journal lacks: this waits STANDING_S
        for the authority's answer, or without limit if no position file confirms the journal.
        The outbox sends nothing before that answer.
        """
        if any(is_ended_by_restart(sale) for sale in self.books.open_sales()):
            with suppress(TimeoutError):
                async with asyncio.timeout(STANDING_S if self.standing.is_vouched else None):
                    await self.standing.known()
        if self.standing.serves:
            self._take_up(self.books.recover())
            self.begun.set()
        unconfigured.say(self.books.open_sales(), self.today())
        await self.standing.known()
        if not self.begun.is_set():
            self._take_up(self.books.open_sales())
            self.begun.set()
        await self.outbox.run()

    def _take_up(self, sales: Iterable[Sale]) -> None:
        for sale in sales:
            self.outbox.resume(sale)

    async def _recover(self) -> None:
        await self.loss.recover(at_start=not self.begun.is_set())

    async def drain(self, seconds: float) -> None:
        """Accept no new orders, cancel sales that wait for a buyer, and wait for the others."""
        self._stopping = True
        for session in self.sessions.values():
            sale = session.sale
            if sale is not None and sale.state in UNASKED:
                session.decide(Fact(Event.CANCELLED, reasons.BRIDGE_RESTARTED))
        waited = [self.books.waiting.answered(sale, seconds) for sale in self._active_sales()]
        await asyncio.gather(*waited)

    # Requests of tills.

    @property
    def healthy(self) -> bool:
        return self._failure is None

    @property
    def serves(self) -> bool:
        """Whether the journal is reliable: repaired after a crash, and not behind."""
        return self.begun.is_set() and self.standing.serves

    def ring(self, order: Order) -> tuple[Sale, bool]:
        """Return the sale for `order`, and whether it is new.

        Raises ConflictError, UnknownTillError, NotNowError.
        """
        known = self.known(order.sale_id)
        if known is not None:
            orders.must_be(known, orders.asks_for(order, known.terms))
            return known, False
        session = self.session(order.till)
        store = session.store
        terms = self.terms(session.place, store, order, order.sale_id, order.currency)
        return self.begin(session, terms)

    def refund(self, order: RefundOrder) -> tuple[Sale, bool]:
        """Return the refund, and whether it is new; raises as `ring`, and UnknownSaleError."""
        return refund_service.refund(self, order)

    def decide(self, sale: Sale, wish: Wish) -> None:
        """Apply the till's or the cashier's decision; raises ConflictError if it is too late."""
        try:
            fact = decide(sale, wish)
        except TooLateError as error:
            raise ConflictError("conflict", f"the sale is {error} already", sale) from error
        if fact is None:
            return
        session = self.sessions.get(sale.terms.till)
        if session is not None and session.sale is sale:
            session.decide(fact)
            return
        self.books.take(sale, fact, TILL)
        self.outbox.resume(sale)

    def show(self, sale: Sale) -> None:
        """Note that the till is about to see this sale: only it decides an approval now."""
        session = self.sessions.get(sale.terms.till)
        if sale.state is not State.APPROVED or self.books.is_held(sale):
            return
        if session is not None:
            session.notify_till(sale)

    def today(self) -> list[Place]:
        """Return the configured tills with their receivers."""
        return [session.place for session in self.sessions.values()]

    def receivers(self) -> list[ReceiverStatus]:
        return [session.status() for session in self.sessions.values()]

    def _active_sales(self) -> list[Sale]:
        sales = [session.sale for session in self.sessions.values()]
        return [sale for sale in sales if sale is not None]

    # For orders.

    def begin(self, session: ReceiverSession, terms: Terms) -> tuple[Sale, bool]:
        if session.sale is not None:
            text = "another sale is active at this till"
            raise ConflictError("conflict", text, session.sale)
        self.must_take()
        return session.ring(terms), True

    def known(self, sale_id: str) -> Sale | None:
        """Return the sale with this id, at any place; raises ConflictError."""
        known = self.books.find(sale_id)
        if known is not None and not self.books.is_at_hand(sale_id):
            raise ConflictError("sale-id-used", "this id was used by a sale long closed", known)
        return known

    def must_take(self) -> None:
        if self._stopping:
            raise NotNowError(reasons.OK)
        if not self.serves:
            raise NotNowError(reasons.JOURNAL_BEHIND)
        try:
            self._journal.check_place()
        except JournalError as error:
            self.fail(error)
            raise NotNowError(reasons.OK) from error
        if self.books.commits.reason:
            raise NotNowError(self.books.commits.reason)
        if not self.books.has_room():
            raise NotNowError(reasons.JOURNAL_FULL)

    def terms(
        self,
        place: Place,
        store: int | None,
        order: Order | RefundOrder,
        sale_id: str,
        currency: int,
    ) -> Terms:
        return Terms(
            sale_id,
            place.till,
            order.amount,
            currency,
            order.patience_s,
            order.note,
            identifiers.sale_reference(self.bridge_id, place.till, sale_id),
            place.receiver_id,
            store=store,
        )

    def session(self, till: int | None) -> ReceiverSession:
        if till is None and len(self.sessions) == 1:
            return next(iter(self.sessions.values()))
        session = self.sessions.get(till) if till is not None else None
        if session is None:
            known = ", ".join(str(number) for number in self.sessions)
            raise UnknownTillError(f"till must be one of {known}")
        return session

    # For sessions and outbox (`ports.Surroundings`).

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._tasks.create_task(work)

    def fail(self, error: Exception) -> None:
        if self._failure is None:
            _log.error("the bridge ends", detail=str(error))
        self._failure = self._failure or error
        self._failed.set()


def _reconnect() -> Reconnect:
    return Reconnect(Backoff(OPEN_FIRST_MS, OPEN_MOST_MS, random.random))
