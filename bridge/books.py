"""All sales of this bridge: in the journal first, then in memory, then told to who waits."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from receiver import reasons

from . import stamps
from .money import facts
from .money.sale import UNASKED, Event, Fact, State
from .views import sale_view

if TYPE_CHECKING:
    from .events import Hub
    from .journal import Journal
    from .money.sale import Sale

_log = logging.getLogger(__name__)


class Books:
    """Keeps what the journal holds. Everything here runs on the event loop."""

    def __init__(self, journal: Journal, hub: Hub) -> None:
        """Rebuilds every sale from the journal; raises JournalError where that cannot be."""
        self.hub = hub
        self.stamps = stamps.Stamps()
        self._journal = journal
        self._sales = facts.replay(journal.rebuild())
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}

    def find(self, sale_id: str) -> Sale | None:
        return self._sales.get(sale_id)

    def recover(self) -> list[tuple[Sale, bytes]]:
        """After a restart: end what nobody was asked for; the approvals whose reversal is owed."""
        for sale in self._sales.values():
            if sale.state in UNASKED:
                self.take(sale, Fact(Event.ENDED, reasons.BRIDGE_RESTARTED), "bridge")
            elif sale.state is State.WITHHELD:
                self.take(sale, Fact(Event.DENIED, sale.withheld), "bridge")
            elif sale.occupies_till:
                unheard = reasons.AUTHORITY_UNREACHABLE
                self.take(sale, Fact(Event.OWED, unheard, reversal=sale.approval_id), "bridge")
        return [(sale, name) for sale in self._sales.values() for name in sale.owed]

    def begin(self, sale: Sale) -> None:
        """Journal a new sale."""
        self._append(sale, facts.RUNG, facts.dump_terms(sale.terms))
        self._sales[sale.terms.sale_id] = sale

    def keep(self, sale: Sale, fact: Fact) -> None:
        """Journal a fact that the sale has taken; on disk when this returns."""
        self._append(sale, fact.event, facts.dump_fact(fact))

    def take(self, sale: Sale, fact: Fact, source: str) -> None:
        """Apply, journal and tell a fact that no desk decided."""
        sale.take(fact)
        self.keep(sale, fact)
        self.tell(sale, fact.event, source)

    def tell(self, sale: Sale, what: str, source: str) -> None:
        """Wake who waits for this sale, and show the watchers what happened."""
        terms = sale.terms
        _log.info("sale %s: %s, %s", terms.sale_id, what, sale.state)
        self.hub.publish("sale", source, terms.till, what=what, sale=sale_view(sale))
        for waiter in self._waiting.pop(terms.sale_id, ()):
            if not waiter.done():
                waiter.set_result(None)

    def told(self, sale: Sale) -> None:
        """The till has the outcome; the first time is what counts."""
        sale_id = sale.terms.sale_id
        if not sale.final or stamps.TOLD in self.stamps.of(sale_id):
            return
        self.stamps.mark(sale_id, stamps.TOLD)
        steps = self.stamps.of(sale_id)
        self.hub.publish("timing", "bridge", sale.terms.till, sale_id=sale_id, stamps=dict(steps))

    async def news(self, sale: Sale, seconds: float) -> None:
        """Until the sale is over, becomes unknown or stops being it, at most `seconds`."""
        before = sale.shown
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not _is_news(sale, before):
                    await self._change(sale.terms.sale_id)

    async def cleared(self, sale: Sale, seconds: float) -> bool:
        """Wait until no reversal of this sale is owed, at most `seconds`; whether it is so."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while sale.owed:
                    await self._change(sale.terms.sale_id)
        return not sale.owed

    async def _change(self, sale_id: str) -> None:
        waiter = asyncio.get_running_loop().create_future()
        waiters = self._waiting.setdefault(sale_id, set())
        waiters.add(waiter)
        try:
            await waiter
        finally:
            waiters.discard(waiter)
            if not waiters and self._waiting.get(sale_id) is waiters:
                del self._waiting[sale_id]

    def _append(self, sale: Sale, kind: str, body: str) -> None:
        self._journal.append(time.time_ns() // 1_000_000, sale.terms.sale_id, kind, body)


def _is_news(sale: Sale, before: State) -> bool:
    """Whether a till that waits since `before` is to hear of the sale now."""
    return sale.final or (sale.shown is State.UNKNOWN) != (before is State.UNKNOWN)
