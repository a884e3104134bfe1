"""A till in virtual time: it rings up, waits as over the till API, and says what becomes of it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bridge.domain.till_decisions import Wish
from bridge.sales.orders import Order
from receiver.protocol import identifiers

from . import till_api
from .till_api import View

if TYPE_CHECKING:
    from bridge.sales.sale_service import Service

SEK = 752  # ISO 4217
TRIP_S = 0.001  # each way: till and bridge are on one machine
_ENDED = ("approved", "declined", "cancelled")


class VirtualTill:
    """One till of a store, with one sale at a time."""

    def __init__(self, service: Service, number: int) -> None:
        self.number = number
        self._service = service
        self._numbers = itertools.count(1)

    async def ring(self, amount: int, patience_s: int) -> VirtualSale:
        """Ring up a new sale; raises what the bridge refuses it with (`bridge.sales.orders`)."""
        sale_id = f"till-{self.number}-{next(self._numbers):08}"
        sale = VirtualSale(self._service, self.number, sale_id, amount)
        await sale.begin(patience_s)
        return sale


class VirtualSale:
    """One sale as the till sees it; times are the loop's."""

    def __init__(self, service: Service, till: int, sale_id: str, amount: int) -> None:
        self.sale_id = sale_id
        self.till = till
        self.amount = amount
        self.reference = identifiers.sale_reference(service.bridge_id, till, sale_id)
        self.rung_at = _now()
        self.ended_at: float | None = None  # when the till saw how it ended
        self.view: View | None = None
        self._service = service

    async def begin(self, patience_s: int) -> None:
        """Order it at the bridge."""
        order = Order(self.sale_id, self.amount, SEK, self.till, patience_s, "")
        await asyncio.sleep(TRIP_S)
        self.view = await till_api.ring(self._service, order)
        await asyncio.sleep(TRIP_S)

    async def ended(self) -> View:
        """Wait until it is approved, declined or cancelled, as with one GET after the other."""
        while True:
            await asyncio.sleep(TRIP_S)
            view = await till_api.look(self._service, self.sale_id)
            await asyncio.sleep(TRIP_S)
            self.view = view
            if view.state in _ENDED:
                self.ended_at = _now()
                return view

    async def pay(self) -> View:
        """Say that the goods are handed over; raises ConflictError if it is not approved."""
        return await self._decide(Wish.PAY)

    async def cancel(self) -> View:
        """Take it back, as long as it is not paid."""
        return await self._decide(Wish.CANCEL)

    def steps(self) -> Mapping[str, float]:
        """Return the bridge's own times (`bridge.observability.timings`), monotonic seconds."""
        return dict(self._service.books.stamps.of(self.sale_id))

    async def _decide(self, wish: Wish) -> View:
        await asyncio.sleep(TRIP_S)
        self.view = await till_api.decide(self._service, self.sale_id, wish)
        await asyncio.sleep(TRIP_S)
        return self.view


def _now() -> float:
    return asyncio.get_running_loop().time()
