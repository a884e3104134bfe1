"""The victims: killed by SIGKILL at the plan's moments, and restarted after a while."""

from __future__ import annotations

import asyncio
from collections import Counter as Counts
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from signal import SIGKILL

from simulator.authority.process import AuthorityProcess
from simulator.world.bridge import BridgeProcess

from .plan import AUTHORITY, BRIDGE, PORT, RECEIVER, Kill
from .shop import Counter, Shop

Work = Callable[[], Awaitable[None]]


class Victim:
    """A process that is restarted each time; `up` is set while it serves."""

    def __init__(self, process: BridgeProcess | AuthorityProcess) -> None:
        self.up = asyncio.Event()
        self.up.set()
        self._process = process
        self._one_at_a_time = asyncio.Lock()

    async def die(self, kill: Kill) -> int:
        """Kill and restart it, twice if it is to crash during its start; return the number."""
        async with self._down():
            await asyncio.sleep(kill.away_s)
            if kill.again_s is not None:
                await self._die_young(kill.again_s)
        return 1 if kill.again_s is None else 2

    async def die_for(self, work: Work) -> None:
        """Stop it for as long as the work takes."""
        async with self._down():
            await work()

    @asynccontextmanager
    async def _down(self) -> AsyncIterator[None]:
        async with self._one_at_a_time:
            self.up.clear()
            await self._process.stop(SIGKILL)
            yield
            await self._process.start()
            self.up.set()

    async def _die_young(self, life_s: float) -> None:
        starting = asyncio.create_task(self._process.start())
        await asyncio.wait({starting}, timeout=life_s)
        await self._process.stop(SIGKILL)
        await asyncio.gather(starting, return_exceptions=True)  # it reports that it was killed


class Victims:
    """All processes of a shop."""

    def __init__(self, shop: Shop) -> None:
        self.deaths: Counts[str] = Counts()
        self.unplugged = 0
        self._shop = shop
        self._servers = {BRIDGE: Victim(shop.bridge), AUTHORITY: Victim(shop.authority)}
        self._begun = 0
        self._more = asyncio.Condition()

    async def bridge(self) -> str:
        """Return the bridge's address, once it serves."""
        await self._servers[BRIDGE].up.wait()
        return self._shop.bridge.till_api

    async def begun(self) -> None:
        """Count one more sale begun."""
        async with self._more:
            self._begun += 1
            self._more.notify_all()

    async def until(self, sales: int) -> None:
        """Wait until so many have begun."""
        async with self._more:
            await self._more.wait_for(lambda: self._begun >= sales)

    async def run(self, kills: Iterable[Kill]) -> None:
        """Run until the last victim is back."""
        async with asyncio.TaskGroup() as tasks:
            for kill in kills:
                tasks.create_task(self.kill(kill))

    async def kill(self, kill: Kill) -> None:
        """Carry out a kill, and wait until the victim is back."""
        await self.until(kill.sales)
        await asyncio.sleep(kill.delay_s)
        counter = self._shop.counters[kill.till - 1]
        if kill.victim == PORT:
            await _unplug(counter, kill)
            self.unplugged += 1
        elif kill.victim == RECEIVER:
            await _cut_off(counter, kill)
            self.deaths[RECEIVER] += 1
        else:
            self.deaths[kill.victim] += await self._servers[kill.victim].die(kill)

    async def without_bridge(self, work: Work) -> None:
        """Kill the bridge, do this work, and start it again."""
        self.deaths[BRIDGE] += 1
        await self._servers[BRIDGE].die_for(work)


async def _unplug(counter: Counter, kill: Kill) -> None:
    """Unplug a receiver: it goes on, but the host has lost its port."""
    async with counter.busy:
        await counter.line.ask("unplug")
        await asyncio.sleep(kill.away_s)
        await counter.line.ask("replug")


async def _cut_off(counter: Counter, kill: Kill) -> None:
    """Kill a receiver: the line restarts it; without power the host loses its port, too."""
    async with counter.busy:
        if kill.power:
            await counter.line.ask("unplug")
        await counter.line.ask("reset")
        if kill.power:
            await asyncio.sleep(kill.away_s)
            await counter.line.ask("replug")
