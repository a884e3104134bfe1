"""Those who die: by SIGKILL, at the plan's moments, and back after a while."""

from __future__ import annotations

import asyncio
from collections import Counter
from signal import SIGKILL
from typing import TYPE_CHECKING, Protocol

from .plan import AUTHORITY, BRIDGE, RECEIVER

if TYPE_CHECKING:
    from collections.abc import Iterable
    from signal import Signals

    from simulator.line.client import LineProcess

    from .plan import Kill
    from .shop import Shop


class Process(Protocol):
    """A server that keeps what it is in its directory."""

    async def start(self) -> None: ...
    async def stop(self, how: Signals = ...) -> None: ...


class Server:
    """A process that is started again each time; `up` is set while it serves."""

    def __init__(self, process: Process) -> None:
        self.up = asyncio.Event()
        self.up.set()
        self._process = process
        self._one_at_a_time = asyncio.Lock()

    async def die(self, kill: Kill) -> int:
        """How often it died: a second time where it was told to die while it starts."""
        async with self._one_at_a_time:
            self.up.clear()
            await self._process.stop(SIGKILL)
            await asyncio.sleep(kill.away_s)
            if kill.again_s is not None:
                await self._die_young(kill.again_s)
            await self._process.start()
            self.up.set()
        return 1 if kill.again_s is None else 2

    async def _die_young(self, life_s: float) -> None:
        starting = asyncio.create_task(self._process.start())
        await asyncio.wait({starting}, timeout=life_s)
        await self._process.stop(SIGKILL)
        await asyncio.gather(starting, return_exceptions=True)  # it says that it died


class Victims:
    """All processes of a shop."""

    def __init__(self, shop: Shop) -> None:
        self.deaths: Counter[str] = Counter()
        self._shop = shop
        self._servers = {BRIDGE: Server(shop.bridge), AUTHORITY: Server(shop.authority)}
        self._lines = {counter.till: counter.line for counter in shop.counters}
        self._begun = 0
        self._more = asyncio.Condition()

    async def bridge(self) -> str:
        """Where the bridge serves tills, once it does."""
        await self._servers[BRIDGE].up.wait()
        return self._shop.bridge.till_api

    async def begun(self) -> None:
        """One sale more has begun."""
        async with self._more:
            self._begun += 1
            self._more.notify_all()

    async def run(self, kills: Iterable[Kill]) -> None:
        """Until the last victim is back."""
        async with asyncio.TaskGroup() as tasks:
            for kill in kills:
                tasks.create_task(self._kill(kill))

    async def _kill(self, kill: Kill) -> None:
        async with self._more:
            await self._more.wait_for(lambda: self._begun >= kill.sales)
        await asyncio.sleep(kill.delay_s)
        if kill.victim == RECEIVER:
            deaths = await _cut_off(self._lines[kill.till], kill)
        else:
            deaths = await self._servers[kill.victim].die(kill)
        self.deaths[kill.victim] += deaths


async def _cut_off(line: LineProcess, kill: Kill) -> int:
    """The line starts the receiver again by itself; without power it is missed on the host, too."""
    if kill.power:
        await line.ask("unplug")
    await line.ask("reset")
    if kill.power:
        await asyncio.sleep(kill.away_s)
        await line.ask("replug")
    return 1
