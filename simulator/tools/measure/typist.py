"""The buyer of a measurement: types as fast as told, and notes when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from receiver.protocol import exchange
from simulator.phone.app.buyer import Buyer
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Act, Code, FirstDigit, Look, SayNo, View


class MeasuredBuyer(Buyer):
    """A buyer at this till, or at any where it is None; times are the loop's, None before them."""

    def __init__(self, code: str, till: int | None, typing_s: float) -> None:
        super().__init__(code)
        self.asked: float | None = None
        self.shown: float | None = None
        self.first_digit: float | None = None
        self.last_digit: float | None = None
        self.typed = 0  # codes
        self.wrong: View | None = None  # the first screen of another till
        self.view: View | None = None  # the first of this one
        self._code = code
        self._till = till
        self._typing_s = typing_s

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        """React to this screen; another till's is left."""
        now = asyncio.get_running_loop().time()
        if self._till not in (None, view.till):
            self.wrong = self.wrong or view
            yield SayNo(exchange.LEAVE_WRONG_TILL)
        elif view.kind == events.ASKED:
            self.asked = self.asked or now
            yield Look()
        elif view.kind == events.SHOWN and view.reason:
            yield SayNo(exchange.LEAVE_CANCELLED)  # declined: the code or the wallet is not right
        elif view.kind == events.SHOWN:
            self.shown, self.view = self.shown or now, self.view or view
            self.first_digit = self.first_digit or now
            yield FirstDigit()
            await asyncio.sleep(self._typing_s)
            self.typed += 1
            self.last_digit = asyncio.get_running_loop().time()
            yield Code(self._code)
