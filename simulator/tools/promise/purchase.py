"""One purchase in a scene: the cashier rings, the buyer holds the phone, and it is recorded."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Protocol

from simulator.phone.app.app import PhoneApp
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Outcome

from . import bound
from .buyer import Onlooker, PlannedBuyer
from .record import NOT_PAID, PAID, UNKNOWN, Mark, Outcomes, Record
from .witness import PAYING, PurchaseWitness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.hardware.radio.model.airs import AirProfile
    from simulator.hardware.radio.model.phones import PhoneProfile
    from simulator.phone.wallet.wallet import Wallet
    from simulator.virtual.ble import VirtualBle
    from simulator.virtual.phone_radio import VirtualPhone
    from simulator.virtual.shop import VirtualShop
    from simulator.virtual.till import VirtualSale

    from .people import BuyersPlan

GIVES_UP_S = 12.0  # without the purchase on the screen, a buyer holds the phone anew
AGAIN_S = 1.0  # until the phone is held anew: right onto the receiver, by then
TOUCHING = -30.0  # dBm
TRIES_MOST = 3  # of the buyer, until the cashier rings again
PATIENCE_S = 60
APP_OPEN_S = 300.0  # so long a buyer's app stays open, in the queue as well
AMOUNT_FIRST = 10_000


class Surroundings(Protocol):
    """The store around a purchase (`scene.Scene`)."""

    air: AirProfile
    profile: PhoneProfile
    seed: int
    transcript: bool
    shop: VirtualShop
    radios: dict[int, VirtualBle]  # by till
    offered_at: dict[int, float | None]  # when a till's offer went on the air

    def take_phone(self, number: int) -> tuple[Wallet, VirtualPhone]: ...
    def give_back(self, radio: VirtualPhone) -> None: ...
    def written(self, till: int, since: float | None) -> Iterator[Mark]: ...
    def heard(self, till: int, since: float) -> Iterator[tuple[float, str]]: ...


class Purchase:
    """From the ring to the end."""

    def __init__(self, scene: Surroundings, till: int, number: int, plan: BuyersPlan) -> None:
        self.plan = plan
        self.record = Record(
            air=scene.air.name,
            profile=scene.profile.name,
            seed=scene.seed,
            number=number,
            till=till,
        )
        self._scene = scene
        self._ble = scene.radios[till]
        self._wallet, self._radio = scene.take_phone(number)
        offered = partial(scene.offered_at.get, till)
        self._seen = PurchaseWitness(self.record, offered, self._disturb)
        self._radio.observe = self._seen.system
        self._person = PlannedBuyer(plan, till, self._seen.buyer)
        self._seen.typed = lambda: self._person.typed
        self._buying: asyncio.Task[Outcome] | None = None
        self._paying: asyncio.Task[None] | None = None
        self._family: asyncio.Task[Outcome] | None = None
        self._outcome: Outcome | None = None
        self._till_says = NOT_PAID
        self._sale: VirtualSale | None = None
        self._waits_since = 0.0  # for the purchase on the screen: it is rung up, the phone is held
        self._known = False  # whether this phone had this till's table at the first hold

    # The buyer.

    def queue(self, after_s: float) -> None:
        """Open the app in the queue, after so long."""
        asyncio.get_running_loop().call_later(after_s, self._approach)

    def _approach(self) -> None:
        """Open the app, the phone being near: at the counter, or in the queue before it."""
        if self._paying is not None:
            return
        scene, plan, till = self._scene, self.plan, self.record.till
        self._radio.known_tables.clear()
        if not plan.first_visit:
            self._wallet.know(scene.shop.certificate(till))
            if scene.profile.caches_table:
                self._radio.known_tables.add(self._ble.address)
        self._known = bool(self._radio.known_tables)
        others = [ble.address for number, ble in scene.radios.items() if number != till]
        self._radio.signals = dict(zip(others, plan.neighbour_rssi, strict=True))
        self._radio.signals[self._ble.address] = plan.queue_rssi if plan.queued else plan.rssi
        self.record.held = self._waits_since = self._now()
        self._paying = asyncio.create_task(self._pay())

    def _step_up(self) -> None:
        """It is this buyer's turn: the phone is held to the receiver."""
        if self._paying is not None:
            self._radio.signals[self._ble.address] = self.plan.rssi

    async def _pay(self) -> None:
        """Use the app until it has paid, holding the phone anew where nothing comes."""
        while True:
            app = PhoneApp(
                self._wallet,
                self._radio,
                observer=self._seen.step,
                reach=self._scene.shop.phone_authority,
            )
            self._buying = asyncio.create_task(app.buy(self._person, patience_s=APP_OPEN_S))
            with suppress(asyncio.CancelledError):
                self._outcome = await self._buying
                if self._outcome.result in PAYING or self._outcome.result == events.UNKNOWN:
                    return
            if self.record.tries >= TRIES_MOST:
                return
            self.record.tries += 1
            await asyncio.sleep(AGAIN_S)
            self._radio.signals[self._ble.address] = TOUCHING
            self._waits_since = self._now()

    async def _watch(self) -> None:
        """Hold the phone anew where this till's purchase does not come on the screen."""
        while self.record.shown is None:
            left = self._waits_since + GIVES_UP_S - self._now()
            if left > 0:
                await asyncio.sleep(left)
                continue
            self._waits_since = self._now()
            if self._buying is not None:
                self._buying.cancel()

    # The cashier.

    async def serve(self) -> None:
        """Ring up, wait, and let the till tell the outcome."""
        plan = self.plan
        if plan.checked_in:
            if self._paying is None:
                self._approach()
                await asyncio.sleep(plan.early_s)
            self._step_up()
        for number in range(2):
            self.record.tries_cashier = number + 1
            if await self._ring(number):
                break
        if self._family is not None:
            self._family.cancel()

    async def _ring(self, number: int) -> bool:
        """Ring once; return whether it was paid."""
        amount = AMOUNT_FIRST + 7 * self.record.number + number
        self._person.amounts.add(amount)
        self._person.turn.set()
        sale = await self._scene.shop.tills[self.record.till].ring(amount, PATIENCE_S)
        self._sale = sale
        self._waits_since = self._now()
        watching = asyncio.create_task(self._watch())
        try:
            if self._paying is None:
                await asyncio.sleep(-self.plan.early_s)
                self._approach()
            if self.plan.family and self._family is None:
                self._family = asyncio.create_task(self._second_phone())
            view = await sale.ended()
        finally:
            watching.cancel()
        if view.state != "approved":
            self.record.reason = f"{view.state} {view.reason.code if view.reason else ''}"
            return False
        self._seen.till_approved()
        await sale.pay()
        self._till_says = PAID
        return True

    async def _second_phone(self) -> Outcome:
        wallet, radio = self._scene.take_phone(self.record.number + 5)
        radio.signals = dict(self._radio.signals)
        try:
            app = PhoneApp(wallet, radio, reach=self._scene.shop.phone_authority)
            return await app.buy(Onlooker(), patience_s=PATIENCE_S)
        finally:
            self._scene.give_back(radio)

    # The end.

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _disturb(self) -> None:
        """Move the phone away or lose its link, where the plan says so."""
        loop, plan = asyncio.get_running_loop(), self.plan
        if plan.away_after_s is not None:
            loop.call_later(plan.away_after_s, self._away)
        if plan.cut_after_s is not None:
            loop.call_later(plan.cut_after_s, self._cut)

    def _away(self) -> None:
        self._radio.carry_away(self._scene.air.away_s)
        self.record.back = self._now() + self._scene.air.away_s

    def _cut(self) -> None:
        if self.record.approved_phone is None:
            for link in list(self._radio.links):
                link.cut()

    async def close(self) -> Record:
        """Compare what each says, and give the phone back."""
        record = self.record
        if self._paying is not None and not self._paying.done():
            self._paying.cancel()
            if self._buying is not None:
                self._buying.cancel()
        record.outcomes = Outcomes(self._phone_says(), self._till_says, self._authority_says())
        self._seen.end(self._sale, self._scene.written(record.till, record.last_digit))
        if self._scene.transcript:
            record.transcript = self._seen.transcript(partial(self._scene.heard, record.till))
        record.bound_s = bound.of(
            self._scene.profile, knows_table=self._known, checked_in=record.checked_in
        )
        self._scene.give_back(self._radio)
        return record

    def _phone_says(self) -> str:
        if self._outcome is None or self._outcome.result == events.UNKNOWN:
            return UNKNOWN if self._outcome else NOT_PAID
        return PAID if self._outcome.result in PAYING else NOT_PAID

    def _authority_says(self) -> str:
        sale = self._sale
        return PAID if sale is not None and self._scene.shop.is_booked(sale) else NOT_PAID
