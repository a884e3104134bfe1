"""One purchase at a till, told in words, and given back: it is never paid."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import aiohttp
from bleak.exc import BleakError

from receiver import reasons
from simulator.phone.app import screen
from simulator.phone.app.app import Adapter, PhoneApp
from simulator.phone.app.buyer import Buyer
from simulator.phone.app.visit import Step
from simulator.phone.conversation.events import ACCEPTED, APPROVED, Outcome
from simulator.phone.wallet.wallet import Wallet
from simulator.world.till import Json, Till, TillError

AMOUNT = 1  # the smallest: one öre
PATIENCE_S = 45  # of the till: a phone is found within a second, a slow one pays within ten
UP_S = 30.0  # a board that the opening of its port resets needs some 2 s to its HELLO
LOOK_S = 0.5  # between two looks at what the bridge knows of the receiver
GIVEN_BACK_S = 30.0  # the bridge sends a reversal at once, and again after some seconds
REVERSED = "reversed"

Tell = Callable[[str], None]


class PurchaseError(Exception):
    """The till did not sell; the text says why, and what to do."""


class Purchased(NamedTuple):
    """A purchase that was approved; `ms` is from the amount on the till to its answer."""

    sale: Json
    outcome: Outcome
    ms: float


class Checkout:
    """A till of a running bridge, and one phone before it."""

    def __init__(self, till: Till, number: int, wallet: Wallet, radio: Adapter, tell: Tell) -> None:
        self.till = till
        self._number = number
        self._tell = tell
        self._phone = PhoneApp(wallet, radio, observer=self._seen)

    async def receiver_up(self) -> Json:
        """Wait until the receiver sells; return what the bridge knows of it."""
        try:
            async with asyncio.timeout(UP_S), self.till.watch() as events:
                while not (found := await self._receiver())["up"]:
                    await anext(events)
        except TimeoutError:
            found = await self._receiver()
            raise PurchaseError(
                f"the receiver of till {self._number} at {found['url']} does not come up: stop the "
                "bridge and look with `tillsign receiver list`"
            ) from None
        fault = (found.get("hello") or {}).get("fault")
        if fault:
            raise PurchaseError(
                f"the receiver sells nothing: {fault['code']}; stop the bridge, then `tillsign "
                f"receiver doctor --port {found['url']}`"
            )
        return found

    async def health(self, within_s: float) -> Json:
        """Wait for the receiver's next report; return what the bridge knows of it then."""
        before = (await self._receiver())["health"]
        async with asyncio.timeout(within_s):
            # No event tells of it.
            while (found := await self._receiver())["health"] in (None, before):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_S)
        return found

    async def buy(self, buyer: Buyer, amount: int = AMOUNT) -> Purchased:
        """Ring up `amount` and let the phone pay; raises PurchaseError unless it is approved."""
        began = time.monotonic()
        sale = await self.till.ring_up(amount, till=self._number, patience_s=PATIENCE_S)
        self._tell(f"till {self._number}: {amount} minor units on the display")
        answer = asyncio.create_task(self.till.outcome(sale["sale_id"]))
        try:
            outcome = await self._visit(buyer)
            if outcome.result not in (APPROVED, ACCEPTED):
                await self._abort(sale)  # do not wait for another phone
            sale = await answer
            ms = (time.monotonic() - began) * 1000
        except BaseException:
            answer.cancel()
            await self._abort(sale)
            raise
        if sale["state"] != "approved":
            raise PurchaseError(
                f"the till says {sale['state']} ({(sale['reason'] or {}).get('code')}), the phone "
                f"{outcome.result} ({reasons.name(outcome.reason)})"
            )
        self._tell(f"till {self._number}: approved after {ms / 1000:.1f} s")
        return Purchased(sale, outcome, ms)

    async def give_back(self, sale: Json) -> None:
        """Cancel, and wait until the authority has voided it; raises PurchaseError if not."""
        sale = await self.till.cancel(sale["sale_id"])
        try:
            async with asyncio.timeout(GIVEN_BACK_S), self.till.watch() as events:
                while (now := await self.till.look(sale["sale_id"]))["settlement"] != REVERSED:
                    await anext(events)
        except TimeoutError:
            raise PurchaseError(
                "the purchase is cancelled at the till, and the authority has not confirmed that "
                "yet: the bridge goes on trying; see its outbox"
            ) from None
        self._tell(f"till {self._number}: given back ({now['settlement']}); nothing is invoiced")

    async def pay(self, sale: Json) -> None:
        """Keep it: against a throw-away authority."""
        await self.till.paid(sale["sale_id"])

    async def _receiver(self) -> Json:
        found = await self.till.receivers()
        for receiver in found:
            if receiver["till"] == self._number:
                return receiver
        known = ", ".join(str(receiver["till"]) for receiver in found) or "none"
        raise PurchaseError(f"the bridge has no till {self._number}; it has {known}")

    async def _abort(self, sale: Json) -> None:
        with suppress(TillError, aiohttp.ClientError):  # it is over, or the bridge is gone
            await self.till.abort(sale["sale_id"])

    async def _visit(self, buyer: Buyer) -> Outcome:
        return await self._phone.buy(buyer, till=self._number, patience_s=PATIENCE_S)

    def _seen(self, step: Step) -> None:
        sentence = screen.sentence(step)
        if sentence:
            self._tell(f"phone: {sentence}")


FAILURES = (PurchaseError, TillError, BleakError, aiohttp.ClientError, OSError, TimeoutError)


def in_words(error: BaseException) -> str:
    """Return an error of a test in words that say what to do."""
    match error:
        case TillError():
            return f"the bridge refuses: {error}"
        case BleakError() | FileNotFoundError():  # no D-Bus, so no BlueZ
            return f"this computer's Bluetooth cannot be used: {error}; see `bluetoothctl show`"
        case aiohttp.ClientError() | OSError():  # TimeoutError is one
            return f"the bridge or the authority does not answer: {error or type(error).__name__}"
        case _:
            return str(error)
