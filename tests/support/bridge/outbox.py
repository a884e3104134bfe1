"""An outbox with everything around it scripted: the authority's answers, and the books."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from bridge.books.books import Books
from bridge.books.waiters import Waiting
from bridge.domain.alarms import Alarm
from bridge.domain.sale import Fact, Sale, Terms
from bridge.domain.states import Event, State
from bridge.journal import ArchiveError
from bridge.sales.outbox import Outbox
from bridge.sales.ports import Authority
from receiver import reasons
from receiver.errors import Error
from receiver.protocol import messages
from tests.support.bridge.device import PATIENCE_S
from tests.support.values.evidence import SEK

NAME = b"i" * 16
EARLIER = b"e" * 16
TRANSACTION = b"t" * 16
TERMS = Terms("sale-0123456789ab", 3, 100, SEK, 25, "", b"12345678", b"receiver")


class Scripted:
    """Answers each kind of request by its own script; the last answer is for ever."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.asked: list[str] = []
        self.under_way = self.most = 0
        self.hold: asyncio.Event | None = None

    def __getattr__(self, what: str) -> Callable[..., Any]:
        async def answer(*_: Any) -> Any:
            self.asked.append(what)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            await (self.hold.wait() if self.hold else asyncio.sleep(0))
            self.under_way -= 1
            script = self.answers[what]
            given = script.pop(0) if len(script) > 1 else script[0]
            if isinstance(given, Exception):
                raise given
            return given

        return answer

    def retry_now(self) -> None: ...


class Kept:
    """As much of the books as an outbox looks at."""

    def __init__(self) -> None:
        self.commits = SimpleNamespace(reason=reasons.OK)
        self.waiting = Waiting(())
        self.sales: dict[str, Sale] = {}
        self.taken: list[tuple[str, Event, int]] = []
        self.alarms: list[Alarm] = []
        self.missing: list[ArchiveError] = []  # what looking up a sale raises first

    def raise_alarm(self, alarm: Alarm) -> None:
        self.alarms.append(alarm)

    def note_begun(self, sale: Sale, fact: Fact, source: str) -> None:
        sale.take(fact)
        self.sales[sale.terms.sale_id] = sale

    def find(self, sale_id: str) -> Sale | None:
        if self.missing:
            raise self.missing.pop()
        return self.sales.get(sale_id)

    def take(self, sale: Sale, fact: Fact, source: str) -> None:
        assert source == "authority"
        sale.take(fact)
        self.taken.append((sale.terms.sale_id, fact.event, fact.reason))
        self.waiting.wake(sale.terms.sale_id)


class World:
    def __init__(self) -> None:
        self.authority, self.books = Scripted(), Kept()
        self.proved: list[Any] = []
        self.outbox = Outbox(
            cast("Authority", self.authority), cast("Books", self.books), self._prove
        )

    def sale(self, state: State, sale_id: str = TERMS.sale_id, **values: Any) -> Sale:
        sale = Sale(TERMS._replace(sale_id=sale_id))
        sale.state, sale.approval_id, sale.record = state, NAME, b"record"
        if state is State.PAID and values.get("mode") != messages.OFFLINE:
            sale.receipt, sale.transaction_id = b"receipt", TRANSACTION
        for name, value in values.items():
            setattr(sale, name, value)
        self.books.sales[sale_id] = sale
        return sale

    async def settled(self, sale: Sale) -> None:
        self.outbox.resume(sale)
        assert await self.books.waiting.final(sale, PATIENCE_S)
        assert await self.books.waiting.cleared(sale, PATIENCE_S)

    def events(self) -> list[tuple[Event, int]]:
        return [(event, reason) for _, event, reason in self.books.taken]

    def _prove(self, terms: Terms, approval_id: bytes, data: bytes) -> messages.Receipt:
        said = self.proved.pop(0) if self.proved else reasons.OK
        if isinstance(said, Error):
            raise said
        outcome = messages.DECLINED if said else messages.APPROVED
        return messages.Receipt(1, outcome, NAME, 100, SEK, TRANSACTION, 0, 1, 3, said)
