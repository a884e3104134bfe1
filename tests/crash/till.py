"""A till that keeps on paper what it decides, before it says so to the bridge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from bridge.domain.till_decisions import Wish
from bridge.sales.orders import ConflictError, Order, RefundOrder
from simulator.virtual import till_api
from simulator.virtual.till_api import UnknownError
from tests.support.values import evidence
from tests.support.values.till_answers import said

if TYPE_CHECKING:
    from bridge.sales.sale_service import Service
    from tests.crash.world import World

AGAIN_S = 0.5
SHORT_S = 6.0  # without an event
PATIENCE_S = 25

# What stands on paper.
RUNG = "rung"
PAID = "paid"
CANCELLED = "cancelled"  # the till took it back
UNPAID = "unpaid"  # the bridge says so
REFUNDED = "refunded"
DENIED = "denied"

View = dict[str, Any]
Work = "Callable[[Service], Awaitable[View]]"


class AwayError(Exception):
    """No answer came: the bridge is not there, or ended meanwhile."""


class Rung(NamedTuple):
    """What the till asked for."""

    till: int
    amount: int
    original: str = ""


class Till:
    """All tills of a store, on one sheet of paper."""

    def __init__(self, world: World) -> None:
        self.paper: dict[str, str] = {}
        self.rung: dict[str, Rung] = {}
        self.alarms: list[str] = []  # the bridge contradicts what stands on paper
        self._world = world

    # Whole sales.

    async def sell(
        self,
        sale_id: str,
        amount: int = 24_900,
        *,
        till: int = 3,
        wish: Wish | None = Wish.PAY,
        patience_s: int = PATIENCE_S,
    ) -> None:
        """Ring up, wait for the outcome, decide; with no `wish` never look after the ring."""
        self.paper[sale_id] = RUNG
        self.rung[sale_id] = Rung(till, amount)
        order = Order(sale_id, amount, evidence.SEK, till, patience_s, "")
        await self._begin(partial(ring, order=order))
        if wish is not None:
            await self.end(order, wish)

    async def end(self, order: Order, wish: Wish = Wish.PAY) -> None:
        """Wait for the outcome of a sale that was rung up, and decide about it."""
        while True:
            try:
                view = await self.until_answered(partial(look, sale_id=order.sale_id))
            except UnknownError:  # the ring was lost
                await self._begin(partial(ring, order=order))
                continue
            if view["state"] == "approved":
                await self.decide(order.sale_id, wish)
                return
            if view["state"] in ("declined", "cancelled"):
                self.paper[order.sale_id] = UNPAID
                return

    async def decide(self, sale_id: str, wish: Wish) -> None:
        """First on paper, then to the bridge until it answers."""
        self.paper[sale_id] = PAID if wish is Wish.PAY else CANCELLED
        try:
            await self.until_answered(partial(decide, sale_id=sale_id, wish=wish))
        except (ConflictError, UnknownError) as error:
            self.alarms.append(f"{sale_id}: {wish}: {error!r}")

    async def sell_by_events(self, sale_id: str, amount: int = 24_900, *, till: int = 3) -> None:
        """Ring up, and pay as soon as an event says that it is approved; look after a while."""
        await self.sell(sale_id, amount, till=till, wish=None)
        watcher = self._world.watcher
        if watcher is None:
            raise RuntimeError("nobody watches")
        order = Order(sale_id, amount, evidence.SEK, till, PATIENCE_S, "")
        with suppress(TimeoutError):
            async with asyncio.timeout(SHORT_S):
                while watcher.latest.get(sale_id, {}).get("state") != "approved":
                    await watcher.news.wait()
                await self.decide(sale_id, Wish.PAY)
                return
        await self.end(order)

    async def abort(self, sale_id: str) -> str:
        """The cashier stops waiting: what is so then."""
        try:
            view = await self.until_answered(partial(decide, sale_id=sale_id, wish=Wish.ABORT))
        except ConflictError as error:
            return str(error.sale.shown)
        return str(view["state"])

    async def refund(
        self, refund_id: str, sale_id: str, amount: int, *, phone: bool = False
    ) -> None:
        """Give back what a sale cost, or a part of it."""
        till = self.rung[sale_id].till
        self.rung[refund_id] = Rung(till, amount, sale_id)
        self.paper[refund_id] = RUNG
        order = RefundOrder(refund_id, amount, None, till, PATIENCE_S, "", sale_id, b"", phone)
        try:
            await self._begin(partial(give_back, order=order))
            view = await self._outcome(order)
        except ConflictError:
            self.paper[refund_id] = DENIED
            return
        self.paper[refund_id] = REFUNDED if view["state"] == "refunded" else DENIED

    async def _outcome(self, order: RefundOrder) -> View:
        while True:
            try:
                view = await self.until_answered(partial(look, sale_id=order.refund_id))
            except UnknownError:  # the order was lost
                await self._begin(partial(give_back, order=order))
                continue
            if view["state"] in ("refunded", "declined", "cancelled"):
                return view
            await asyncio.sleep(AGAIN_S)

    async def _begin(self, work: Callable[[Service], Awaitable[View]]) -> None:
        """Begun, or over and in an archive before the answer came."""
        try:
            await self.until_answered(work)
        except ConflictError as error:
            if error.kind != "sale-id-used":
                raise

    async def until_answered(self, work: Callable[[Service], Awaitable[View]]) -> View:
        """The same request again until the bridge answers."""
        while True:
            try:
                return await self._world.ask(work)
            except AwayError:
                await asyncio.sleep(AGAIN_S)


# What the till API does with a request, as its JSON says it.


async def ring(service: Service, order: Order) -> View:
    return said(await till_api.ring(service, order))


async def give_back(service: Service, order: RefundOrder) -> View:
    return said(await till_api.give_back(service, order))


async def look(service: Service, sale_id: str) -> View:
    return said(await till_api.look(service, sale_id))


async def decide(service: Service, sale_id: str, wish: Wish) -> View:
    return said(await till_api.decide(service, sale_id, wish))
