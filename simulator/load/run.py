"""Many sales at once, as fast as they come or as fast as they go."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp

from . import figures
from .buyer import Buyer, LoadError
from .till import Till

if TYPE_CHECKING:
    from collections.abc import Callable

    from .figures import Spread
    from .shop import Shop

AMOUNTS = (100, 50_000)  # minor units, below the demo buyer's purchase limit
EVENTS = "/v1/events"
_TIMING = '"timing"'


class Plan(NamedTuple):
    """`rate` in sales a second, 0 for as many as will go; memory is looked at after `marks`."""

    sales: int
    rate: float = 0
    seed: int = 1
    marks: tuple[int, ...] = ()


class Result(NamedTuple):
    """`cpu` in seconds a sale by process, `memory` in bytes of the bridge by number of sales."""

    sales: int
    amount: int
    seconds: float
    phases: dict[str, Spread]
    cpu: dict[str, float]
    memory: dict[int, int]
    waited: int  # sales that found every till busy

    @property
    def rate(self) -> float:
        """Sales a second."""
        return self.sales / self.seconds


class Run:
    """One run of a plan in a shop; `progress` hears how many sales are done."""

    def __init__(self, shop: Shop, plan: Plan, progress: Callable[[int], object]) -> None:
        self._shop = shop
        self._plan = plan
        self._progress = progress
        self._random = random.Random(plan.seed)
        self._done = 0
        self._amount = 0
        self._waited = 0
        self._steps: list[dict[str, float]] = []
        self._memory: dict[int, int] = {}
        self._timed = asyncio.Event()

    async def play(self) -> Result:
        """All sales; raises an exception group with LoadError where one is not approved."""
        tills = [Till(counter.till, self._shop.bridge.till_api) for counter in self._shop.counters]
        before = self._cpu()
        async with (
            aiohttp.ClientSession(self._shop.bridge.till_api) as session,
            session.ws_connect(EVENTS) as stream,
            asyncio.TaskGroup() as tasks,
        ):
            watcher = tasks.create_task(self._watch(stream))
            for counter in self._shop.counters:
                counter.board.air = Buyer(counter.board, counter.wallet, tasks.create_task)
            start = time.monotonic()
            async with asyncio.TaskGroup() as selling:
                await self._sell_all(selling, tills)
            seconds = time.monotonic() - start
            after = self._cpu()
            await self._timed.wait()
            watcher.cancel()
        for till in tills:
            till.close()
        cpu = {name: (after[name] - before[name]) / self._plan.sales for name in after}
        phases = figures.phases(self._steps)
        done, amount = self._done, self._amount
        return Result(done, amount, seconds, phases, cpu, self._memory, self._waited)

    async def _sell_all(self, tasks: asyncio.TaskGroup, tills: list[Till]) -> None:
        """Each sale at the till that has been free for longest, when it is due."""
        free: asyncio.Queue[Till] = asyncio.Queue()
        for till in tills:
            free.put_nowait(till)
        start = time.monotonic()
        for due in arrivals(self._plan, self._random):
            await asyncio.sleep(max(0.0, start + due - time.monotonic()))
            self._waited += free.empty()
            till = await free.get()
            tasks.create_task(self._sell(till, free))

    async def _sell(self, till: Till, free: asyncio.Queue[Till]) -> None:
        amount = self._random.randint(*AMOUNTS)
        await till.sell(amount)
        free.put_nowait(till)
        self._done += 1
        self._amount += amount
        if self._done in self._plan.marks:
            self._memory[self._done] = figures.memory(self._shop.bridge.pid)
        self._progress(self._done)

    async def _watch(self, stream: aiohttp.ClientWebSocketResponse) -> None:
        """Take the stamps of every sale; of other events not even the JSON is read."""
        async for message in stream:
            if message.type is aiohttp.WSMsgType.TEXT and _TIMING in message.data:
                event: dict[str, Any] = json.loads(message.data)
                self._steps.append(event["stamps"])
                if len(self._steps) == self._plan.sales:
                    self._timed.set()
        raise LoadError("the bridge told no more events")

    def _cpu(self) -> dict[str, float]:
        pids = {"bridge": self._shop.bridge.pid, "load": os.getpid()}
        return {name: figures.cpu_seconds(pid) for name, pid in pids.items()}


def arrivals(plan: Plan, chance: random.Random) -> list[float]:
    """When each sale begins, in seconds: a Poisson process of so many in so long; at once at 0."""
    if not plan.rate:
        return [0.0] * plan.sales
    return sorted(chance.uniform(0, plan.sales / plan.rate) for _ in range(plan.sales))
