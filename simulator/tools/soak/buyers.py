"""Buyers: each comes to one sale with the till's usual phone, and leaves at its end."""

from __future__ import annotations

import asyncio

from simulator.phone.app.app import PhoneApp
from simulator.phone.app.buyer import DEMO_CODE, Buyer, Declining
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Outcome
from simulator.phone.transport.bleak_backend import phone_radio

from .plan import MISTYPES, SAYS_NO, STAYS_AWAY, PlannedSale
from .shop import Shop

ASK_MS = 2_000  # how long a phone asks about an approval with an unknown end
SUPERVISION_MS = 400  # after which a crashed receiver is noticed
AGAIN_S = 0.2  # after a visit without a result

_WRONG_CODE = "000000"
_ENDS = (events.APPROVED, events.DECLINED, events.LEFT, events.UNKNOWN)


class Buyers:
    """One buyer at a time at each till."""

    def __init__(self, shop: Shop) -> None:
        self._phones = shop.radio.phones
        self._counters = shop.counters
        self._visits: dict[tuple[int, ...], asyncio.Task[None]] = {}

    def come(self, order: PlannedSale) -> None:
        """Come to a new sale; a restarted till may call again."""
        if order.buyer != STAYS_AWAY:
            self._come(order, order.number)

    def come_back(self, order: PlannedSale, place: int) -> None:
        """Come to one of its refunds."""
        self._come(order, order.number, place)

    async def go(self, order: PlannedSale) -> None:
        """Leave after the end; raises the error of a phone that failed."""
        for name in [name for name in self._visits if name[0] == order.number]:
            visit = self._visits.pop(name)
            visit.cancel()
            await asyncio.wait({visit})
            if not visit.cancelled():
                visit.result()

    def _come(self, order: PlannedSale, *name: int) -> None:
        if name not in self._visits:
            self._visits[name] = asyncio.create_task(self._visit(order))

    async def _visit(self, order: PlannedSale) -> None:
        await asyncio.sleep(order.comes_s)
        while True:
            outcome = await self._buy(order)
            if outcome.result in _ENDS:
                return
            await asyncio.sleep(AGAIN_S)

    async def _buy(self, order: PlannedSale) -> Outcome:
        async with phone_radio(self._phones, supervision_timeout=SUPERVISION_MS) as radio:
            counter = self._counters[order.till - 1]
            phone = PhoneApp(counter.wallet, radio, ask_ms=ASK_MS)
            return await phone.buy(_buyer(order), till=counter.number, patience_s=order.patience_s)


def _buyer(order: PlannedSale) -> Buyer:
    if order.buyer == SAYS_NO:
        return Declining()
    if order.buyer == MISTYPES:
        return Buyer(_WRONG_CODE, DEMO_CODE)
    return Buyer()
