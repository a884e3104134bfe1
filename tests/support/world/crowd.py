"""Many phones at one till: gates that they wait at, and crowds that go home together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from simulator.phone.app.buyer import Buyer
from simulator.phone.conversation.events import APPROVED, SHOWN, Outcome
from simulator.phone.wallet.wallet import Wallet
from tests.support.world.checkout import Checkout, Json, is_refusal
from tests.support.world.crooks import Interrupted

AGAIN_S = 5.0  # a phone that was sent home and has not gone by then did not hear it


class Gate:
    """A place where a buyer waits to be let through: something to interrupt one with."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._open = asyncio.Event()

    async def __call__(self) -> None:
        self.reached.set()
        await self._open.wait()

    def open(self) -> None:
        self._open.set()


class Once(Interrupted):
    """Approves in one visit or not at all."""

    comes_again = False


async def typing(
    till: Checkout, sale: Json, wallet: Wallet, gate: Gate, **more: Any
) -> asyncio.Task[Outcome]:
    """A phone whose credential is with the bridge; its buyer types on when the gate opens."""
    mark = len(till.events)
    task = asyncio.create_task(till.buy(Once(between=gate), wallet, **more))
    await till.told(sale, "claimed", mark)
    return task


async def looking(till: Checkout, buyer: Buyer, wallet: Wallet) -> asyncio.Task[Outcome]:
    """A phone that has the offer on its screen. Come singly: of two at once a radio hears one."""
    mark = len(till.steps)
    task = asyncio.create_task(till.buy(buyer, wallet))
    await till.step(SHOWN, mark)
    return task


async def keyed(till: Checkout, buyer: Buyer, wallet: Wallet) -> asyncio.Task[Outcome]:
    """As `looking`, and the receiver has its key."""
    mark = len(till.events)
    task = await looking(till, buyer, wallet)
    await till.event(lambda event: event["event"] == "phone" and event["what"] == "shown", mark)
    return task


@asynccontextmanager
async def sent_home(tasks: Sequence[asyncio.Task[Any]]) -> AsyncIterator[None]:
    """Who is not done at the end is sent home, and told again: before 3.12 `wait_for` forgets a
    cancellation that comes with its answer."""
    try:
        yield
    finally:
        here = set(tasks)
        while here:
            for task in here:
                task.cancel()
            _, here = await asyncio.wait(here, timeout=AGAIN_S)
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def refusing_any(till: Checkout, *names: str) -> AsyncIterator[None]:
    """What happens inside is refused by these names and no others, each at least once."""
    mark = len(till.events)
    async with refusing_only(till, *names):
        yield
        for name in names:
            await till.event(partial(is_refusal, name), mark)


@asynccontextmanager
async def refusing_only(till: Checkout, *names: str) -> AsyncIterator[None]:
    """What is refused inside, if anything, is refused by these names."""
    before = await till.refusals()
    yield
    new = await till.refusals() - before
    assert new.keys() <= set(names)


async def pays(till: Checkout, sale: Json) -> str:
    """The sale is approved by exactly one hold of all that are new; its approval id."""
    final = await till.outcome(sale)
    assert (final["state"], final["reason"]) == ("approved", None)
    holds = [name for name, state in till.new_transactions().items() if state == "PENDING"]
    assert holds == [final["approval_id"]]
    name: str = final["approval_id"]
    return name


@asynccontextmanager
async def paid_in_spite_of(till: Checkout, *names: str) -> AsyncIterator[None]:
    """What happens inside, while a buyer types, is refused by these names; the buyer pays."""
    sale = await till.ring_up()
    gate = Gate()
    phone = await typing(till, sale, till.wallet, gate)
    async with till.refusing(*names):
        yield
        gate.open()
        assert (await phone).result == APPROVED
        await pays(till, sale)


def refusals_on_air(till: Checkout) -> Counter[int]:
    """The refusal codes that phones have read."""
    return Counter(step.details["code"] for step in till.steps if step.name == "refusal")
