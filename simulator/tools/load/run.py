"""Many sales at once, at a rate or as fast as possible."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import NamedTuple

from bridge.observability import timings
from simulator.authority.storage.schema import POSTED

from . import figures
from .buyer import LoadBuyer
from .figures import Spread
from .http import LoadError
from .shop import NO_SALES, BookedSales, LoadShop
from .till import LoadTill, StepWatcher

AMOUNTS = (100, 50_000)  # minor units, below the demo buyer's purchase limit
POSTED_S = 60.0  # after the last sale, until the authority posts another one
LOOK_S = 0.2
SEED = 1  # of arrivals and amounts


class LoadPlan(NamedTuple):
    """The plan. `rate` in sales a second, 0 for as many as possible; memory is read at `marks`."""

    sales: int
    rate: float = 0
    marks: tuple[int, ...] = ()


class LoadResult(NamedTuple):
    """The bridge's figures; `memory` in bytes, by sales."""

    rate: float  # sales a second
    own: Spread  # its own share of a sale, in milliseconds
    cpu: float  # processor seconds a sale
    memory: dict[int, int]


class Run:
    """One run of a plan in a shop; `progress` gets the number of sales done."""

    def __init__(self, shop: LoadShop, plan: LoadPlan, progress: Callable[[int], object]) -> None:
        self._shop = shop
        self._plan = plan
        self._progress = progress
        self._random = random.Random(SEED)
        self._buyers: list[LoadBuyer] = []
        self._done = 0
        self._amount = 0
        self._memory: dict[int, int] = {}

    async def play(self) -> LoadResult:
        """Play all sales; raises an exception group with LoadError where one is not approved."""
        url = self._shop.bridge.till_api
        tills = [LoadTill(counter.till, url) for counter in self._shop.counters]
        watcher, pid = StepWatcher(url), self._shop.bridge.pid
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            for till in tills:
                stack.callback(till.close)
            watching = tasks.create_task(watcher.run())
            self._let_in(partial(_spawn, tasks))
            start, before = time.monotonic(), figures.cpu_seconds(pid)
            async with asyncio.TaskGroup() as selling:
                await self._sell_all(selling, tills)
            seconds, spent = time.monotonic() - start, figures.cpu_seconds(pid) - before
            await self._posted()
            watching.cancel()
        self._compare()
        shares = [timings.own_share(steps) for steps in watcher.steps]
        own = figures.spread([share * 1000 for share in shares if share is not None])
        return LoadResult(self._done / seconds, own, spent / self._done, self._memory)

    async def _posted(self) -> None:
        """Wait until the authority, which is another process, has posted every sale.

        On a busy machine many are left: TimeoutError where it posts none for a while.
        """
        posted = 0
        while posted < self._done:
            before = posted
            async with asyncio.timeout(POSTED_S):
                while posted == before:
                    await asyncio.sleep(LOOK_S)
                    posted = self._shop.booked().get(POSTED, NO_SALES).sales

    def _compare(self) -> None:
        """Compare the books of tills, phones and authority; raises LoadError."""
        tills, booked = BookedSales(self._done, self._amount), self._shop.booked()
        receipts = [receipt for buyer in self._buyers for receipt in buyer.receipts]
        phones = BookedSales(len(receipts), sum(receipt.amount for receipt in receipts))
        if booked != {POSTED: tills} or phones != tills:
            raise LoadError(f"paid at the tills {tills}, on the phones {phones}, booked {booked}")

    def _let_in(self, spawn: Callable[[Coroutine[None, None, None]], object]) -> None:
        """Place one buyer at each receiver."""
        for counter in self._shop.counters:
            buyer = counter.board.air = LoadBuyer(counter.board, counter.wallet, spawn)
            self._buyers.append(buyer)

    async def _sell_all(self, tasks: asyncio.TaskGroup, tills: list[LoadTill]) -> None:
        """Make each sale when it is due, at the till that has been free for longest."""
        free: asyncio.Queue[LoadTill] = asyncio.Queue()
        for till in tills:
            free.put_nowait(till)
        start = time.monotonic()
        for due in arrivals(self._plan, self._random):
            await asyncio.sleep(max(0.0, start + due - time.monotonic()))
            till = await free.get()
            tasks.create_task(self._sell(till, free))

    async def _sell(self, till: LoadTill, free: asyncio.Queue[LoadTill]) -> None:
        amount = self._random.randint(*AMOUNTS)
        await till.sell(amount)
        free.put_nowait(till)
        self._done += 1
        self._amount += amount
        if self._done in self._plan.marks:
            self._memory[self._done] = figures.memory(self._shop.bridge.pid)
        self._progress(self._done)


def _spawn(tasks: asyncio.TaskGroup, visit: Coroutine[None, None, None]) -> None:
    try:
        tasks.create_task(visit)
    except RuntimeError:  # the run has failed already, and receivers still show offers
        visit.close()


def arrivals(plan: LoadPlan, chance: random.Random) -> list[float]:
    """Return when each sale begins, in seconds: a Poisson process of this rate; at once for 0."""
    if not plan.rate:
        return [0.0] * plan.sales
    return sorted(chance.uniform(0, plan.sales / plan.rate) for _ in range(plan.sales))
