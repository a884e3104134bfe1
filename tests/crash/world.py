"""Till, bridge, receivers, buyers and authority in one process and in virtual time."""

from __future__ import annotations

import asyncio
import itertools
import random
import shutil
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.events import Hub
from bridge.journal import JournalError
from bridge.money.evidence import Evidence
from bridge.money.states import AT_THE_TILL
from bridge.service import Service, StationConfig
from receiver.crypto import host
from simulator.authority.store import Store
from tests.crash.buyer import Buyer
from tests.crash.counter import Counter
from tests.crash.life import Crash, Life
from tests.crash.office import Line, Office
from tests.crash.template import BRIDGE_ID, NOW, memory, template
from tests.crash.till import AwayError, Till
from tests.crash.virtual import Loop

if TYPE_CHECKING:
    from bridge.money.sale import Sale
    from tests.crash.till import View

TRIP_S = 0.001  # till and bridge are on one machine
RESTART_S = 0.3
LOOK_S = 0.01
QUIET_MOST_S = 6 * 3600  # for what is owed to be worked off

Scenario = Callable[["World"], Coroutine[Any, Any, None]]


class World:
    """One run. `ends`: at which point each life of the bridge ends, one after the other.

    `full_at`: which commit of the first life finds no room on the disk.
    """

    def __init__(
        self,
        ends: Iterable[int] = (),
        *,
        tills: Iterable[int] = (3,),
        offline: bool = False,
        full_at: int = 0,
    ) -> None:
        random.seed(0)
        made = template()
        self.folder = Path(tempfile.mkdtemp(dir=memory(), prefix="crash-world-"))
        shutil.copyfile(made.books, self.folder / "books.sqlite")
        self.loop = Loop()
        self.loop.set_exception_handler(self._strange)
        self.context = copy_context()
        self.skew_s = 0.0  # of the bridge's clock
        self.trip_s = TRIP_S
        self.pins = made.keys.pins()
        store = Store(self.folder / "books.sqlite")
        self.office = Office(store, made.keys, self.true_time)
        self.counters = {till: Counter(self, till, made.receivers[till]) for till in tills}
        self.buyers = [Buyer(holder) for holder in made.phones]
        self.till = Till(self)
        self.failures: list[str] = []
        self.lives: list[Life] = []
        self.offline = offline
        self._ends = iter(ends)
        self._full_at = full_at
        self._asked: set[asyncio.Future[View]] = set()
        self._beside: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count()

    # Time.

    def true_time(self) -> float:
        """Seconds since 1970, by the authority's and the receivers' clocks."""
        return NOW + self.loop.now

    def bridge_time(self) -> float:
        return self.true_time() + self.skew_s

    # Running.

    @property
    def life(self) -> Life:
        return self.lives[-1]

    @property
    def service(self) -> Service:
        """The bridge that runs now; only where `is_up`."""
        if self.life.service is None:
            raise RuntimeError("the bridge has not begun")
        return self.life.service

    @property
    def is_up(self) -> bool:
        """As it is seen from the till: a bridge that has failed answers nobody."""
        life = self.lives[-1] if self.lives else None
        return bool(life and not life.dead and life.service and life.service.healthy)

    def run(self, scenario: Scenario) -> None:
        """The scenario, and then until all is quiet."""
        self.loop.run_until_complete(self._run(scenario))

    async def _run(self, scenario: Scenario) -> None:
        self.start()
        await self._rest(scenario(self))

    def go_on(self, seconds: float) -> None:
        """Let time pass, outside of any scenario."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def come_to_rest(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this, and then until all is quiet."""
        self.loop.run_until_complete(self._rest(work))

    async def _rest(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            async with asyncio.timeout(QUIET_MOST_S):
                await work
        except TimeoutError:
            raise AssertionError(f"the till waits for ever: {self.unsettled()}") from None
        for task in self._beside:
            task.cancel()
        await self.quiet()
        while not self._flushed():
            await self.quiet()

    def _flushed(self) -> bool:
        """Whether the bridge has lived to bring everything to the disk."""
        life = self.life
        try:
            life.context.copy().run(life.step, self.service.books.close)
        except JournalError as error:
            self._gave_up(life, error)
        return not life.dead

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Until the scenario ends."""
        task = self.loop.create_task(work)
        self._beside.add(task)
        return task

    async def until(self, so: Callable[[], bool], *ends: asyncio.Task[Any]) -> bool:
        """Until it is so, or one of these ends; whether it is so."""
        while not so() and not any(task.done() for task in ends):  # noqa: ASYNC110 - time is virtual
            await asyncio.sleep(LOOK_S)
        return so()

    async def quiet(self) -> None:
        """Until nothing is under way or owed."""
        end = self.loop.now + QUIET_MOST_S
        while not self.is_quiet():
            if self.loop.now > end:
                raise AssertionError(f"never quiet: {self.unsettled()}")
            await asyncio.sleep(1.0)

    def is_quiet(self) -> bool:
        if not self.is_up:
            return False
        links = all(station.link.hello for station in self.service.stations.values())
        busy = self.unsettled() or self.office.under_way or self.service.outbox.depth()
        return links and not busy

    def unsettled(self) -> list[str]:
        """Sales with something left to happen by itself."""
        if not self.is_up:
            return ["no bridge"]
        books = self.service.books
        return [_told(sale) for sale in books.open_sales() if sale.owed or _moves(sale)]

    def close(self) -> None:
        """End every life, whatever runs in it."""
        try:
            self._unwind()
        finally:
            self.loop.close()
            self.office.store.close()
            shutil.rmtree(self.folder)

    def _unwind(self) -> None:
        """Cancel whatever runs, in dead lives too; much of it fails, and none of it matters."""
        self.loop.set_exception_handler(lambda *_: None)
        self.life.cut()
        with warnings.catch_warnings(action="ignore"):
            for life in self.lives:
                life.release(self.loop)
            while tasks := asyncio.all_tasks(self.loop):
                self.loop.run_until_complete(_cancelled(tasks))

    # The bridge.

    def start(self) -> None:
        """A new life, from the files that the last one left."""
        number = next(self._numbers)
        folder = self.folder / f"life{number}"
        if number:
            (self.folder / f"life{number - 1}-grave").rename(folder)
        life = Life(folder, next(self._ends, None), self._buried)
        life.full_at, self._full_at = self._full_at, 0
        self.lives.append(life)
        self.loop.call_soon(self._begin, life, context=life.context.copy())

    def _begin(self, life: Life) -> None:
        try:
            journal = life.open_journal()
        except JournalError as error:
            self._gave_up(life, error)
            return
        made = template()
        stations = [
            StationConfig(till, "memory://", Evidence(host, made.keys.pins(), one.certificate), one)
            for till, one in self.counters.items()
        ]
        line = Line(self, life)
        life.service = Service(BRIDGE_ID, journal, Hub(), line, stations, offline=self.offline)
        running = self.loop.create_task(life.service.run())
        running.add_done_callback(partial(self._ended, life), context=self.context)
        life.keep(running)

    def _ended(self, life: Life, running: asyncio.Task[None]) -> None:
        if not life.dead:
            self._gave_up(life, running)

    def _gave_up(self, life: Life, why: object) -> None:
        """It may where its disk is full, and closes what it can."""
        if not life.was_full:
            self.failures.append(f"the bridge gave up: {why!r}")
        life.close_journal()
        life.die()

    def _buried(self) -> None:
        for answer in self._asked:
            if not answer.done():
                answer.set_exception(AwayError())
        self.loop.call_later(RESTART_S, self.start, context=self.context)

    def _strange(self, _: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Crash) or self.life.was_full:
            return
        self.failures.append(f"{context['message']}: {error!r}")

    # The till's way to it.

    async def ask(self, work: Callable[[Service], Awaitable[View]]) -> View:
        """What the bridge answers; raises AwayError where none comes."""
        await asyncio.sleep(self.trip_s)
        if not self.is_up:
            raise AwayError
        answer: asyncio.Future[View] = self.loop.create_future()
        self._asked.add(answer)
        life = self.life
        context = life.context.copy()
        life.keep(self.loop.create_task(self._serve(life, work, answer), context=context))
        try:
            return await answer
        finally:
            self._asked.discard(answer)

    async def _serve(
        self,
        life: Life,
        work: Callable[[Service], Awaitable[View]],
        answer: asyncio.Future[View],
    ) -> None:
        result: View | Exception
        try:
            result = await work(self.service)
        except JournalError:
            result = AwayError()  # status 500
        except Exception as error:
            result = error
        if not life.dead:
            self.loop.call_later(self.trip_s, _answer, life, answer, result, context=self.context)


async def _cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _answer(life: Life, answer: asyncio.Future[View], result: View | Exception) -> None:
    if answer.done() or life.dead:
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)


def _moves(sale: Sale) -> bool:
    """Whether a sale will change with nobody doing anything."""
    return not sale.final and (sale.state in AT_THE_TILL or sale.state in ("paid", "refunding"))


def _told(sale: Sale) -> str:
    return f"{sale.terms.sale_id} {sale.state} owes {len(sale.owed)}"
