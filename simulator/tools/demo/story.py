"""The demo's scenarios: the actions of till, buyer and administrator, and the expected ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from receiver.host.amounts import money
from simulator.phone.app.app import Adapter, PhoneApp
from simulator.phone.app.buyer import DEMO_CODE, Buyer, Declining
from simulator.phone.app.visit import Observer, Step
from simulator.phone.wallet.wallet import Wallet
from simulator.world.till import Json
from simulator.world.world import World

Note = Callable[[str, str], None]

AMOUNT = 24_900
OVER_LIMIT = 624_900
RAISED_LIMIT = 1_000_000
PATIENCE_S = 30.0  # for one step that takes a fraction of a second
TILL_S = 25  # a till's own patience, as the bridge's default
SHORT_S = 2  # for a demo step that waits for the till's patience to end

APPROVED, CANCELLED, REFUNDED = "approved", "cancelled", "refunded"
POSTED = "posted"
SAID_NO = "buyer_said_no"


class Scenario(NamedTuple):
    """One sale, or a refund of the first: a title, its amount, the state it must end in, its actors
    by its id, and how long the till waits."""

    title: str
    amount: int
    outcome: str
    play: Callable[[Stage, str], Awaitable[Json]]
    patience_s: int = TILL_S
    refund: bool = False


class Played(NamedTuple):
    """The course of a sale. Times in milliseconds; None where there was no such moment."""

    sale: Json
    wanted: str
    approval_to_till: float | None
    steps: list[Step]

    @property
    def as_it_should(self) -> bool:
        return bool(self.sale["state"] == self.wanted)


class Stage:
    """One world with one buyer's phone; `note` (who, text) gets what no event reports."""

    def __init__(
        self, world: World, wallet: Wallet, radio: Adapter, observer: Observer, note: Note
    ) -> None:
        self.world = world
        self.note = note
        self._observer = observer
        self._steps: list[Step] = []
        self._told_at = 0.0
        self._phone = PhoneApp(wallet, radio, observer=self._observe)
        self._paid: list[str] = []
        self._left: asyncio.Task[object] | None = None  # a phone that waits for an authority

    async def run(self, scenario: Scenario) -> Played:
        """Ring up, play, and measure from the approval's last write to the till's answer."""
        self._steps = []
        final = await scenario.play(self, await self._begin(scenario))
        return Played(final, scenario.outcome, self._approval_to_till(), self._steps)

    async def buy(self, sale_id: str, buyer: Buyer) -> Json:
        """Let the buyer visit while the till waits for the outcome."""
        visit = asyncio.create_task(self._phone.buy(buyer))
        final = await self._told(self.world.till.outcome(sale_id))
        await visit
        return final

    async def buy_over_limit(self, sale_id: str) -> Json:
        """Let the buyer try, and try again with a higher purchase limit."""
        return await self.buy(sale_id, Buyer(DEMO_CODE, DEMO_CODE, again=self._raise_limit))

    async def buy_alone(self, sale_id: str) -> Json:
        """Buy while the authority is away; the phone stays for the final answer."""
        await self.world.authority.stop()
        self.note("authority", "is away")
        self._left = asyncio.create_task(self._phone.buy(Buyer()))
        return await self._told(self.world.till.outcome(sale_id))

    async def give_back(self, refund_id: str) -> Json:
        """Let the buyer approve a refund."""
        visit = asyncio.create_task(self._phone.buy(Buyer()))
        final = await self._told(self.world.till.refund_status(refund_id, PATIENCE_S))
        await visit
        return final

    async def pay(self, played: Played) -> None:
        """Let the till mark an approved sale paid, and the authority invoice it."""
        if played.sale["state"] != APPROVED:
            return
        till, sale_id = self.world.till, played.sale["sale_id"]
        async with asyncio.timeout(PATIENCE_S), till.watch() as events:
            await till.paid(sale_id)
            self.note("till", "marks the sale as paid")
            if self._left:
                await self._come_back()
            async for event in events:
                if event.get("what") == POSTED and event["sale"]["sale_id"] == sale_id:
                    break
        self.note("authority", "invoices it")
        self._paid.append(sale_id)
        if self._left:
            await self._left
            self._left = None

    async def decline(self, sale_id: str) -> Json:
        """Let the buyer leave, the till show that, and the cashier cancel."""
        told = asyncio.create_task(self._reason_shown(sale_id, SAID_NO))
        await self._phone.buy(Declining())
        await asyncio.wait_for(told, PATIENCE_S)
        return await self.world.till.cancel(sale_id)

    async def _raise_limit(self) -> None:
        """Raise this buyer's purchase limit as the organisation's administrator."""
        buyer = self.world.people.buyers[0]
        changed = await self.world.administer(
            f"buyers/{buyer.id}", {"purchase_limit": RAISED_LIMIT}
        )
        limit = money(changed["purchase_limit"], "SEK").en
        self.note("authority", f"the administrator raises the purchase limit to {limit}")

    async def _told(self, answer: Awaitable[Json]) -> Json:
        """Wait for the till's answer, and note when it came."""
        final = await answer
        self._told_at = time.monotonic()
        return final

    async def _begin(self, scenario: Scenario) -> str:
        till, amount = self.world.till, scenario.amount
        if scenario.refund:
            refund = await till.refund(amount, sale_id=self._paid[0], phone=True)
            return str(refund["refund_id"])
        sale = await till.ring_up(amount, patience_s=scenario.patience_s)
        return str(sale["sale_id"])

    async def _come_back(self) -> None:
        """Bring the authority back; the bridge would notice by itself, a little later."""
        await self.world.authority.start()
        self.note("authority", "is back")
        await self.world.till.send_now()

    async def _reason_shown(self, sale_id: str, reason: str) -> None:
        async for event in self.world.till.events():
            sale = event.get("sale", {})
            if sale.get("sale_id") == sale_id and (sale["reason"] or {}).get("code") == reason:
                return

    def _observe(self, step: Step) -> None:
        self._steps.append(step)
        self._observer(step)

    def _approval_to_till(self) -> float | None:
        written = [step.at for step in self._steps if step.name == "approval_written"]
        return (self._told_at - written[-1]) * 1000 if written else None


PLAIN = Scenario("A purchase", AMOUNT, APPROVED, lambda stage, name: stage.buy(name, Buyer()))
STORY = (
    PLAIN,
    Scenario("Over the purchase limit", OVER_LIMIT, APPROVED, Stage.buy_over_limit),
    Scenario("A buyer who leaves", AMOUNT, CANCELLED, Stage.decline),
    Scenario("While the authority is away", AMOUNT, APPROVED, Stage.buy_alone, SHORT_S),
    Scenario("A refund of the first", AMOUNT, REFUNDED, Stage.give_back, refund=True),
)
