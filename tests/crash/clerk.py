"""A clerk at the tills who does one thing at a time, in any order, and keeps paper as a till must.

Unlike `till.Till` nothing here goes on by itself: each request is made once, and its answer may be
lost. What the clerk may not do is contradict the paper before the bridge has answered it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bridge.domain.till_decisions import Wish
from bridge.sales.orders import ConflictError, Order, RefundOrder, UnknownSaleError
from simulator.virtual.till_api import UnknownError
from tests.crash import till
from tests.crash.till import (
    AGAIN_S,
    CANCELLED,
    DENIED,
    PAID,
    REFUNDED,
    RUNG,
    UNPAID,
    AwayError,
)
from tests.support.values import evidence

if TYPE_CHECKING:
    from bridge.sales.sale_service import Service
    from tests.crash.till import View
    from tests.crash.world import World

ENDED = ("declined", "cancelled")
_WISHES = {PAID: Wish.PAY, CANCELLED: Wish.CANCEL}


@dataclass
class Slip:
    """One sale or refund, beside what stands on paper."""

    order: Order | RefundOrder
    known: bool = False  # the bridge has answered that it has it
    approved: bool = False  # the till has seen that it is
    answered: bool = False  # the bridge has answered the decision on paper
    busy: bool = False  # a word about its end is on its way
    asked: int = 0  # how often such a word was sent: what was looked up before tells nothing

    @property
    def id(self) -> str:
        return self.order.refund_id if isinstance(self.order, RefundOrder) else self.order.sale_id


class Clerk:
    """Every method is one request, to be run as a task."""

    def __init__(self, world: World, patience_s: int) -> None:
        self._world = world
        self._till = world.till
        self._patience_s = patience_s
        self._numbers = 0

    def paper(self, slip: Slip) -> str:
        return self._till.paper[slip.id]

    def new_sale(self, till_: int, amount: int) -> Slip:
        self._numbers += 1
        name = f"sale-{self._numbers:011}"
        order = Order(name, amount, evidence.SEK, till_, self._patience_s, "")
        self._till.paper[name], self._till.rung[name] = RUNG, till.Rung(till_, amount)
        return Slip(order)

    def new_refund(self, sale: Slip, amount: int | None, *, phone: bool) -> Slip:
        """Of so much of a sale, or of all."""
        self._numbers += 1
        name, rung = f"refund-{self._numbers:09}", self._till.rung[sale.id]
        back = till.Rung(rung.till, amount or rung.amount, sale.id)
        terms = (back.amount, None, back.till, self._patience_s, "", sale.id, b"")
        order = RefundOrder(name, *terms, phone)
        self._till.paper[name], self._till.rung[name] = RUNG, back
        return Slip(order)

    # Requests.

    async def begin(self, slip: Slip) -> None:
        """Ring up, or order the refund."""
        asked = slip.asked
        try:
            view = await self._ask(_beginning(slip.order))
        except ConflictError as error:
            ours = error.sale.terms.sale_id == slip.id
            if isinstance(slip.order, RefundOrder) and not ours and error.kind != "conflict":
                self._till.paper[slip.id] = DENIED
            return
        except UnknownSaleError:
            return
        self._note(slip, view, asked)

    async def begin_otherwise(self, slip: Slip) -> None:
        """The same id for another amount: never taken."""
        if not slip.known:
            return
        other = slip.order._replace(amount=slip.order.amount + 1)
        try:
            answer = await self._ask(_beginning(other))
        except ConflictError:
            return
        if answer is not None:
            self._till.alarms.append(f"{slip.id} was taken for another amount")

    async def look(self, slip: Slip) -> None:
        asked, known = slip.asked, slip.known
        try:
            view = await self._ask(partial(till.look, sale_id=slip.id))
        except UnknownError:
            if known:
                self._till.alarms.append(f"{slip.id} is forgotten")
            return
        self._note(slip, view, asked)

    async def pay(self, slip: Slip) -> None:
        """Once it is seen to be approved; and again."""
        if self.paper(slip) == PAID or (self.paper(slip) == RUNG and slip.approved):
            await self._decide(slip, Wish.PAY, PAID)

    async def cancel(self, slip: Slip) -> None:
        if self.paper(slip) in (RUNG, CANCELLED):
            await self._decide(slip, Wish.CANCEL, CANCELLED)

    async def abort(self, slip: Slip) -> None:
        """Stop waiting; paper follows the answer."""
        if slip.busy or self.paper(slip) != RUNG:
            return
        slip.busy, slip.approved = True, False
        slip.asked += 1
        try:
            view = await self._ask(partial(till.decide, sale_id=slip.id, wish=Wish.ABORT))
        except ConflictError as error:
            slip.approved = error.sale.shown == "approved"
        except UnknownError:
            pass
        else:
            self._note(slip, view, slip.asked)
        finally:
            slip.busy = False

    async def change_mind(self, slip: Slip) -> None:
        """The contrary of what is on paper and was answered: it is refused."""
        if not slip.answered or slip.busy:
            return
        wish = Wish.CANCEL if self.paper(slip) == PAID else Wish.PAY
        try:
            answer = await self._ask(partial(till.decide, sale_id=slip.id, wish=wish))
        except ConflictError:
            return
        if answer is not None:
            self._till.alarms.append(f"{slip.id}: {wish} was taken, {self.paper(slip)} on paper")

    async def sell(self, slip: Slip, wish: Wish) -> None:
        """All of a sale: until paper says how it ended, or the bridge does not know it."""
        await self.begin(slip)
        while self.paper(slip) == RUNG and not slip.approved:
            await self.look(slip)
            if not slip.known:
                await self.begin(slip)
            await asyncio.sleep(AGAIN_S)
        await (self.pay(slip) if wish is Wish.PAY else self.cancel(slip))

    # The end of the day.

    async def settle(self, slip: Slip) -> None:
        """Ask and say again until paper and bridge agree."""
        if self.paper(slip) == RUNG:
            await self._learn(slip)
        if self.paper(slip) == RUNG and slip.approved:
            self._till.paper[slip.id] = PAID
        if isinstance(slip.order, Order) and self.paper(slip) in (PAID, CANCELLED):
            slip.answered = False
            while not slip.answered and not self._till.alarms:
                await self._decide(slip, _WISHES[self.paper(slip)], self.paper(slip))
                if not slip.known and self.paper(slip) == CANCELLED:
                    return
                await asyncio.sleep(AGAIN_S)

    async def _learn(self, slip: Slip) -> None:
        while self.paper(slip) == RUNG and not slip.approved:
            try:
                view = await self._ask(partial(till.look, sale_id=slip.id))
            except UnknownError:  # it never came there
                refund = isinstance(slip.order, RefundOrder)
                self._till.paper[slip.id] = DENIED if refund else UNPAID
                return
            self._note(slip, view, slip.asked)
            await asyncio.sleep(AGAIN_S)

    # What comes of them.

    async def _decide(self, slip: Slip, wish: Wish, paper: str) -> None:
        if slip.busy:
            return
        slip.busy, known = True, slip.known
        slip.asked += 1
        self._till.paper[slip.id] = paper
        try:
            answer = await self._ask(partial(till.decide, sale_id=slip.id, wish=wish))
            slip.answered |= answer is not None
        except ConflictError as error:
            self._till.alarms.append(f"{slip.id}: {wish}: {error!r}")
        except UnknownError as error:
            if known or paper == PAID:
                self._till.alarms.append(f"{slip.id}: {wish}: {error!r}")
        finally:
            slip.busy = False

    def _note(self, slip: Slip, view: View | None, asked: int) -> None:
        """What an answer says; nothing where none came."""
        if view is None:
            return
        slip.known = True
        state, paper = view["state"], self.paper(slip)
        if isinstance(slip.order, RefundOrder):
            ends = {"refunded": REFUNDED, **dict.fromkeys(ENDED, DENIED)}
            self._till.paper[slip.id] = ends.get(state, paper)
        elif paper == RUNG and state in ENDED:
            self._till.paper[slip.id] = UNPAID
        elif paper == RUNG and state == "approved" and asked == slip.asked:
            slip.approved = True

    async def _ask(self, work: Callable[[Service], Awaitable[View]]) -> View | None:
        try:
            return await self._world.ask(work)
        except AwayError:
            return None


def _beginning(order: Any) -> Callable[[Service], Awaitable[View]]:
    return partial(till.give_back if isinstance(order, RefundOrder) else till.ring, order=order)
