"""A till that crashes and restarts: all its next steps follow from its disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from simulator.world.till import FINAL, Json, Till, TillError

from .plan import CANCELLED, PlannedSale
from .retried_calls import AGAIN_S, UNKNOWN_SALE, Asking
from .shop import Counter
from .till_disk import NOT_REFUNDED, PAID, REFUNDED, UNPAID, Books, Kept, KeptRefund

Call = Callable[[Till], Awaitable[Json]]

WAIT_S = 10  # for an outcome, in one request
WAVERS_S = 0.005  # until the cashier decides otherwise: about when the bridge gets the first

_NO_REFUND = ("refund-exceeds", "liability")  # more than was paid, or never posted
_NO_REFUND_OF_LOST = (UNKNOWN_SALE, "not-paid")  # its purchase was lost with the journal
_NOT_YET = "not-posted"
_REFUND_ENDS = (REFUNDED, "declined", "cancelled")


class SoakTill:
    """A till that serves one order after the other.

    `rung` is called for each order as soon as the bridge has it, `asked_back` for each refund by
    phone, with its place. `rewinds`: how often an older journal was restored.
    """

    def __init__(
        self,
        *,
        books: Books,
        asking: Asking,
        counter: Counter,
        rewinds: Callable[[], int],
        rung: Callable[[PlannedSale], object],
        asked_back: Callable[[PlannedSale, int], object],
    ) -> None:
        self.deaths = 0
        self._books = books
        self._asking = asking
        self._counter = counter
        self._rewinds = rewinds
        self._rewinds_before = 0
        self._rung = rung
        self._asked_back = asked_back

    async def serve(self, order: PlannedSale) -> None:
        """Serve an order to its end, however often the till crashes meanwhile."""
        self._rewinds_before = self._rewinds()
        for number, life in enumerate(order.lives_s):
            if await _in_time(self._work(order, again=number > 0), life):
                return
            self.deaths += 1
            await asyncio.sleep(order.away_s)
        await self._work(order, again=bool(order.lives_s))

    @property
    def _rewound(self) -> bool:
        """Return whether this sale may have been lost with a journal."""
        return self._rewinds() > self._rewinds_before

    async def _work(self, order: PlannedSale, *, again: bool) -> None:
        counter = self._counter
        kept = self._books.begin(order, counter.number, counter.receiver.receiver_id)
        if kept.ended is None:
            try:
                await self._sell(order, kept, again=again)
            except TillError as error:
                self._failed(kept.sale_id, error)
            kept = self._books.sale(kept.sale_id)
        if kept.ended == PAID:
            for place, back in enumerate(order.refunds):
                await self._refund(order, self._books.begin_refund(kept.sale_id, place, back))

    # A sale.

    async def _sell(self, order: PlannedSale, kept: Kept, *, again: bool) -> None:
        """Repeat a stored decision; without one continue the sale."""
        if kept.wish:
            self._end(kept.sale_id, await self._decide(order, kept.sale_id))
            return
        sale = await self._known(kept.sale_id) if again else None
        if sale is None:
            sale = await self._ring(order, kept)
        self._rung(order)
        if sale["state"] not in FINAL:
            sale = await self._outcome(order, kept.sale_id)
        if sale["state"] == "approved":
            if sale["offline"]:
                self._books.stood_in(kept.sale_id)
            sale = await self._decide(order, kept.sale_id)
        self._end(kept.sale_id, sale)

    def _failed(self, sale_id: str, error: TillError) -> None:
        """Accept a sale lost with a journal: the till's disk decides."""
        if error.kind != UNKNOWN_SALE or not self._rewound:
            self._books.complain(sale_id, str(error))
            return
        paid = self._books.sale(sale_id).wish == PAID
        self._books.end(sale_id, PAID if paid else UNPAID)

    async def _known(self, sale_id: str) -> Json | None:
        """Ask for the sale before ringing it up again after a restart."""
        try:
            return await self._asking.ask(lambda till: till.look(sale_id))
        except TillError as error:
            if error.kind != UNKNOWN_SALE:
                raise
            return None

    async def _ring(self, order: PlannedSale, kept: Kept) -> Json:
        """Ring up, the same each time: the bridge may have it already."""
        more: Json = {"sale_id": kept.sale_id, "till": kept.till, "patience_s": order.patience_s}
        while True:
            sale = await self._say(order, lambda till: till.ring_up(order.amount, **more))
            if sale["sale_id"] == kept.sale_id:
                return sale
            self._books.complain(kept.sale_id, f"{sale['sale_id']} is still at this till")
            await asyncio.sleep(AGAIN_S)

    async def _outcome(self, order: PlannedSale, sale_id: str) -> Json:
        """Wait for the outcome, or abort for a cashier who waits no longer."""
        aborting = asyncio.create_task(self._abort_in_time(order, sale_id))
        try:
            sale = await self._wait(sale_id)
            aborted = aborting.done() and aborting.result()
        finally:
            aborting.cancel()
            await asyncio.wait({aborting})
        if aborted and sale["state"] in ("approved", "paid"):
            if not self._rewound:
                self._books.complain(sale_id, f"aborted, and then {sale['state']}")
            self._books.wish(sale_id, CANCELLED)
        return sale

    async def _wait(self, sale_id: str) -> Json:
        while True:
            sale = await self._asking.ask(lambda till: till.look(sale_id, WAIT_S))
            if sale["state"] in FINAL:
                return sale

    async def _abort_in_time(self, order: PlannedSale, sale_id: str) -> bool:
        """Abort; return whether it was in time."""
        if order.aborts_s is None:
            return False
        await asyncio.sleep(order.aborts_s)
        sale = await self._say(order, lambda till: till.abort(sale_id))
        return sale["state"] not in ("approved", "paid")

    async def _decide(self, order: PlannedSale, sale_id: str) -> Json:
        """Store the decision, then report it; return the sale after that."""
        kept = self._books.sale(sale_id)
        wish = kept.wish or order.wish
        self._books.wish(sale_id, wish)
        await asyncio.sleep(order.hesitates_s)
        if order.wavers and not kept.wavered:
            await _in_time(self._wish(order, sale_id, wish), WAVERS_S)
            wish = CANCELLED if wish == PAID else PAID
            self._books.wish(sale_id, wish)
        return await self._wish(order, sale_id, wish)

    async def _wish(self, order: PlannedSale, sale_id: str, wish: str) -> Json:
        if wish == PAID:
            return await self._say(order, lambda till: till.paid(sale_id))
        return await self._say(order, lambda till: till.cancel(sale_id))

    def _end(self, sale_id: str, sale: Json) -> None:
        """Store the bridge's end; but goods handed out stay handed out."""
        kept, paid = self._books.sale(sale_id), sale["state"] == "paid"
        if paid != (kept.wish == PAID) and kept.wish and not kept.wavered:
            if paid or not self._rewound:
                self._books.complain(sale_id, f"{kept.wish}, but the bridge has {sale['state']}")
            paid = kept.wish == PAID
        elif paid and not kept.wish:
            self._books.complain(sale_id, "paid without the till's decision")
        self._books.end(sale_id, PAID if paid else UNPAID)

    # A refund.

    async def _refund(self, order: PlannedSale, kept: KeptRefund) -> None:
        if kept.ended is not None:
            return
        try:
            refund = await self._give_back(order, kept)
        except TillError as error:
            lost = self._rewound and error.kind in _NO_REFUND_OF_LOST
            if error.kind not in _NO_REFUND and not lost:
                self._books.complain(kept.sale_id, f"refund: {error}")
            self._books.end_refund(kept.refund_id, NOT_REFUNDED)
            return
        done = refund["state"] == REFUNDED
        self._books.end_refund(kept.refund_id, REFUNDED if done else NOT_REFUNDED)

    async def _give_back(self, order: PlannedSale, kept: KeptRefund) -> Json:
        """Refund and return its end; without a phone repeat it where it was lost with a journal."""
        while True:
            try:
                refund = await self._ask_back(order, kept)
                while refund["state"] not in _REFUND_ENDS:
                    refund = await self._asking.ask(
                        lambda till: till.refund_status(kept.refund_id, WAIT_S)
                    )
            except TillError as error:
                if error.kind != UNKNOWN_SALE or not self._rewound or kept.phone:
                    raise
            else:
                return refund
            await self._asking.stands(lambda till: till.paid(kept.sale_id))  # else it has none

    async def _ask_back(self, order: PlannedSale, kept: KeptRefund) -> Json:
        """Refund by phone, only what is posted."""
        more: Json = {"refund_id": kept.refund_id, "sale_id": kept.sale_id}
        if kept.phone:
            till = self._counter.number
            more |= {"phone": True, "till": till, "patience_s": order.patience_s}
        while True:
            try:
                refund = await self._say(order, lambda till: till.refund(kept.amount, **more))
            except TillError as error:
                if error.kind != _NOT_YET:
                    raise
                await asyncio.sleep(AGAIN_S)
            else:
                break
        if kept.phone:
            self._asked_back(order, kept.place)
        return refund

    # The bridge.

    async def _say(self, order: PlannedSale, call: Call) -> Json:
        """Send it once or twice; return the sale after that, as decided or not."""
        if not order.repeats:
            return await self._asking.stands(call)
        both = [asyncio.ensure_future(self._asking.stands(call)) for _ in range(2)]
        await asyncio.gather(*both, return_exceptions=True)
        return [answer.result() for answer in both][-1]


async def _in_time(work: Awaitable[object], seconds: float) -> bool:
    """Return whether `work` finished in time; if not, drop it wherever it is, as in a crash."""
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
        await asyncio.wait({task})
    if done:
        task.result()
    return bool(done)
