"""Requests owed to the authority: one lane for each approval, in order, for ever (design §5).

Each lane has one task and so one request under way; a failing lane does not delay another.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec.structs import replace

from bridge import foreign_code
from bridge.authority.client import RefusedError, UnansweredError
from bridge.authority.retry import LeftError, for_ever
from bridge.domain import refunds, reversal_conflicts
from bridge.domain.held import GIVEN_BACK, HoldState
from bridge.domain.sale import Fact
from bridge.domain.states import Event, State
from bridge.journal import ArchiveError
from bridge.observability.logs import Log
from receiver import reasons
from receiver.errors import Error
from receiver.protocol import messages

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from bridge.books.books import Books
    from bridge.domain.sale import Sale, Terms
    from receiver.protocol.messages import Receipt

    from .ports import Authority

    Attempt = Callable[[], Awaitable[Fact]]

AT_ONCE = 8  # outbox requests: after an outage, those of waiting cashiers go in between
SETTLED_S = 3600.0  # a lane that waits for another checks the sale at least this often

_log = Log(__name__)
_T = TypeVar("_T")


class Prove(Protocol):
    """Verifies a receipt for an approval of a sale; raises Error if it is invalid."""

    def __call__(self, terms: Terms, approval_id: bytes, data: bytes) -> Receipt: ...


class Outbox:
    """Reversals, confirmations, uploads and refunds."""

    def __init__(self, authority: Authority, books: Books, prove: Prove) -> None:
        self._authority = authority
        self._books = books
        self._prove = prove
        self._begun: asyncio.Queue[Callable[[], Coroutine[None, None, None]]] = asyncio.Queue()
        self._lanes: dict[bytes, float] = {}  # approval id → when its lane began (monotonic s)
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._hurry = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                lane = await self._begun.get()
                tasks.create_task(lane())

    def resume(self, sale: Sale) -> None:
        """Begin the lanes for all requests that a sale owes."""
        for name in sale.owed:
            self.reverse(sale, name)
        if sale.state is State.PAID:
            self.confirm(sale)
        elif sale.state is State.REFUNDING:
            self.refund(sale)

    def reverse(
        self, sale: Sale, approval_id: bytes, asking: asyncio.Task[None] | None = None
    ) -> None:
        """Owe the reversal of this approval, once `asking` about it has ended."""
        self._begin(sale, approval_id, partial(self._give_back, sale, approval_id), asking)

    def confirm(self, sale: Sale, asking: asyncio.Task[None] | None = None) -> None:
        """Owe the confirmation, and before it the upload of what was accepted offline."""
        self._begin(sale, sale.approval_id, partial(self._post, sale), asking)

    def refund(self, sale: Sale) -> None:
        """Owe a refund that needs no phone."""
        self._begin(sale, sale.approval_id, partial(self._pay_back, sale))

    def send_now(self) -> None:
        """Make every lane try at once."""
        self._authority.retry_now()
        self._hurry.set()
        self._hurry = asyncio.Event()

    def depth(self) -> int:
        return len(self._lanes)

    def oldest_s(self) -> float:
        """Seconds for which the oldest lane has been open."""
        now = asyncio.get_running_loop().time()
        return now - min(self._lanes.values(), default=now)

    # Lanes.

    def _begin(
        self, sale: Sale, name: bytes, attempt: Attempt, asking: asyncio.Task[None] | None = None
    ) -> None:
        if name not in self._lanes:
            self._lanes[name] = asyncio.get_running_loop().time()
            self._begun.put_nowait(partial(self._lane, sale, name, attempt, asking))

    async def _lane(
        self, sale: Sale, name: bytes, attempt: Attempt, asking: asyncio.Task[None] | None
    ) -> None:
        if asking:
            await asyncio.wait((asking,))
        sale_id = sale.terms.sale_id

        def tell(error: Exception) -> None:
            log = _log.info if isinstance(error, UnansweredError) else _log.error
            log("still owed", sale=sale_id, approval=name.hex(), detail=str(error))

        fact = await for_ever(attempt, self._nap, tell)
        del self._lanes[name]
        self._books.take(sale, fact, "authority")
        for owed in sale.owed:
            self.reverse(sale, owed)

    async def _at_once(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Wait for a free place among the AT_ONCE requests, then ask.

        `ask` builds the request only then, as a stop may come first. All facts behind it are on
        the disk before.
        """
        if self._books.commits.reason:
            await self._books.commits.over()
        async with self._gate:
            with foreign_code.crossing(foreign_code.AUTHORITY, UnansweredError, RefusedError):
                return await ask()

    async def _nap(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), seconds)

    # The work of a lane; each step may be repeated.

    async def _give_back(self, sale: Sale, approval_id: bytes) -> Fact:
        request = partial(self._authority.reverse, approval_id, sale.terms.receiver_id)
        state = await self._at_once(request)
        if state == HoldState.POSTED:
            return await self._contradicted(sale, approval_id)
        if state not in GIVEN_BACK:
            raise LeftError(f"the authority left a reversal {state}")
        return sale.given_back(approval_id)

    async def _contradicted(self, sale: Sale, approval_id: bytes) -> Fact:
        """Handle a reversal that meets a posting (design §5 rule 8), as after a restored journal.

        A sale that the bridge cancelled is paid; one that the till cancelled is refunded in full.
        """
        ask = partial(self._authority.transaction, approval_id, sale.terms.receiver_id)
        held = await self._at_once(ask)
        if held is None or held.state != HoldState.POSTED:
            raise LeftError("the authority reports it as posted and as not posted")
        fact = reversal_conflicts.fact(sale, held)
        self._books.raise_alarm(reversal_conflicts.alarm(sale, held, fact))
        if fact.event is not Event.PAID_AFTER_ALL and not sale.is_refund:
            refund, ordered = refunds.in_full(sale, held)
            self._books.note_begun(refund, ordered, "authority")
            self.refund(refund)
        return fact

    async def _post(self, sale: Sale) -> Fact:
        """Confirm; send the record if the authority lacks the approval (design §5 rule 6)."""
        if sale.unsent:
            refused = await self._upload(sale)
            if refused:
                return refused
        try:
            state = await self._confirm(sale)
        except RefusedError as error:
            if error.reason != reasons.APPROVAL_UNKNOWN:
                raise
            if not sale.record:  # first the journal was lost, now the authority's books
                return self._unbooked(sale, error.reason, "in no books")
            refused = await self._upload(sale)
            if refused:
                return refused
            state = await self._confirm(sale)
        if state == HoldState.POSTED:
            return Fact(Event.POSTED)
        if state in GIVEN_BACK:
            return self._forfeit(sale, reasons.LIABILITY, f"confirmed, but it is {state}")
        raise LeftError(f"the authority left a confirmation {state}")

    async def _confirm(self, sale: Sale) -> str:
        request = partial(self._authority.confirm, sale.approval_id, sale.terms.receiver_id)
        return await self._at_once(request)

    async def _upload(self, sale: Sale) -> Fact | None:
        """Send the record; return None if it is accepted, else the fact that ends the sale.

        First every owed reversal of the sale is done: beside one the record would be declined.
        """
        if not await self._books.waiting.cleared(sale, SETTLED_S):
            raise UnansweredError("an earlier approval may still be held")
        try:
            data = await self._at_once(partial(self._authority.authorise, sale.record))
            receipt = self._prove(sale.terms, sale.approval_id, data)
        except RefusedError as error:
            if not error.said:
                raise
            return self._unbooked(sale, error.reason, error.detail)
        except Error as error:
            raise LeftError(f"invalid receipt: {error.detail}") from error
        if receipt.outcome != messages.APPROVED:
            return self._forfeit(sale, receipt.reason, "declined")
        if sale.transaction_id != receipt.transaction_id:
            fact = Fact(Event.UPLOADED, receipt=data, transaction_id=receipt.transaction_id)
            self._books.take(sale, fact, "authority")
        return None

    def _unbooked(self, sale: Sale, reason: int, detail: str) -> Fact:
        """Return a liability that is in no books; the phone learns of it by its owed reversal."""
        return replace(self._forfeit(sale, reason, detail), reversal=sale.approval_id)

    def _forfeit(self, sale: Sale, reason: int, detail: str) -> Fact:
        name = reasons.name(reason)
        _log.error("booked as liability", sale=sale.terms.sale_id, reason=name, detail=detail)
        return Fact(Event.LIABILITY, reason)

    async def _pay_back(self, sale: Sale) -> Fact:
        """Send a refund, after the purchase's own lane: only a posted purchase can be refunded."""
        terms = sale.terms
        transaction_id = terms.original
        try:
            bought = self._books.find(terms.original_sale) if terms.original_sale else None
        except ArchiveError as error:
            raise LeftError(f"the purchase cannot be looked up: {error}") from error
        if bought:
            if not await self._books.waiting.final(bought, SETTLED_S):
                raise UnansweredError("the purchase is not posted yet")
            if bought.state is not State.POSTED:
                return Fact(Event.DECLINED, reasons.NOT_POSTED)
            transaction_id = bought.transaction_id
        request = partial(
            self._authority.refund,
            sale.approval_id,
            terms.receiver_id,
            transaction_id,
            terms.amount,
            terms.currency,
        )
        answer = await self._at_once(request)
        if answer.reason:
            return Fact(Event.DECLINED, answer.reason)
        return Fact(Event.POSTED, transaction_id=answer.transaction_id)
