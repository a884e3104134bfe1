"""A buyer with a plan: recognises the own purchase, reads it, and types the code."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from receiver.protocol import exchange
from simulator.phone.app.buyer import DEMO_CODE, Buyer
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Act, Code, FirstDigit, Look, SayNo, View

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from simulator.phone.transport.scan import Found

    from .people import BuyersPlan

NOTICES_S = 2.0  # until a person sees that what is on the screen is another till's
CHOOSES_S = 1.5  # until a person finds the till's number in a list of two to four
ANSWERS_S = 0.6  # until a person agrees to look at an offer that came by itself


class PlannedBuyer(Buyer):
    """The buyer of one amount at one till; `note` takes what the buyer sees and does."""

    comes_again = True

    def __init__(self, plan: BuyersPlan, till: int, note: Callable[[str, View], None]) -> None:
        super().__init__()
        self.amounts: set[int] = set()  # those that the cashier has rung up
        self.turn = asyncio.Event()  # the cashier rings this buyer's purchase up
        self.typed = 0  # digits of the code on the screen
        self._plan = plan
        self._till = till
        self._note = note

    async def choose(self, tills: Sequence[Found]) -> Found | None:
        """Pick the till by the number on its display, where it is one of them."""
        await asyncio.sleep(CHOOSES_S)
        return next((one for one in tills if one.till == self._till), None)

    async def stays(self, till: int | None) -> SayNo | None:
        """Check the till's number if nothing has come after the amount was rung up."""
        if till is None or till == self._till:
            return None
        await self.turn.wait()
        await asyncio.sleep(NOTICES_S)
        return SayNo(exchange.LEAVE_WRONG_TILL)

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        """React to a screen; the purchase of the buyer before is looked at and left alone."""
        mine = view.till == self._till and view.amount in self.amounts
        if mine or view.kind == events.SHOWN:
            self._note(view.kind if mine else "foreign", view)
        if not mine:
            if view.till != self._till:
                if view.kind == events.ASKED:
                    await self.turn.wait()
                await asyncio.sleep(NOTICES_S)
                yield SayNo(exchange.LEAVE_WRONG_TILL)
            return
        if view.kind == events.ASKED:
            await asyncio.sleep(ANSWERS_S)
            yield Look()
        elif view.kind == events.SHOWN:
            if self.typed:
                self._note("typed again", view)
            await asyncio.sleep(self._plan.read_s)
            for place, pause in enumerate(self._plan.digits_s):
                await asyncio.sleep(pause)
                self.typed = place + 1
                if place == 0:
                    self._note("first digit", view)
                    yield FirstDigit()
            self._note("last digit", view)
            yield Code(DEMO_CODE)


class Onlooker(Buyer):
    """The second phone of a family: its app is open, and its owner looks."""

    comes_again = False

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        if view.kind == events.ASKED:
            await asyncio.sleep(ANSWERS_S)
            yield Look()
