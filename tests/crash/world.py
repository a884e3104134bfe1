"""Till, bridge, receivers, buyers and authority in one process and in virtual time."""

from __future__ import annotations

import asyncio
import random
import shutil
import warnings
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from bridge.domain.states import AT_THE_TILL
from bridge.journal import JournalError
from bridge.sales.journal_standing import Phase
from simulator.authority.storage.store import Store
from tests.crash.buyer import Buyer
from tests.crash.copies import File
from tests.crash.counter import Counter
from tests.crash.machine import Machine
from tests.crash.office import Office
from tests.crash.template import template
from tests.crash.till import Till

if TYPE_CHECKING:
    from bridge.domain.sale import Sale

LOOK_S = 0.01
QUIET_MOST_S = 6 * 3600  # for what is owed to be worked off

Scenario = Callable[["World"], Coroutine[Any, Any, None]]


class World(Machine):
    """One run, from books and a journal with nothing in them."""

    def __init__(
        self,
        ends: Iterable[int] = (),
        *,
        tills: Iterable[int] = (3,),
        offline: bool = False,
        full_at: int = 0,
        watched: bool = False,
        back: Mapping[int, int] | None = None,
        file: File = File.BESIDE,
    ) -> None:
        random.seed(0)
        super().__init__(ends, full_at, back or {}, file, offline=offline, watched=watched)
        made = template()
        shutil.copyfile(made.books, self.folder / "books.sqlite")
        self.pins = made.keys.pins()
        self.office = Office(Store(self.folder / "books.sqlite"), made.keys, self.true_time)
        self.counters = {till: Counter(self, till, made.receivers[till]) for till in tills}
        self.buyers = [Buyer(holder) for holder in made.phones]
        self.till = Till(self)
        self._beside: set[asyncio.Task[None]] = set()

    def run(self, scenario: Scenario) -> None:
        """The scenario, and then until all is quiet."""
        self.loop.run_until_complete(self._run(scenario))

    async def _run(self, scenario: Scenario) -> None:
        self.start()
        await self._rest(scenario(self))

    def go_on(self, seconds: float) -> None:
        """Let time pass, outside of any scenario."""
        self.loop.run_until_complete(asyncio.sleep(seconds))

    def end(self, *, stops: bool) -> None:
        """End the bridge, as asked to or by a crash; another follows."""
        self.loop.run_until_complete(self._end(stops=stops))

    async def _end(self, *, stops: bool) -> None:
        if stops:
            await self.stop()
        else:
            self.life.die()

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
            life.context.copy().run(life.step, self.service.books.commits.flush)
        except JournalError as error:
            self._gave_up(life, error)
        return not (life.dead or self.service.books.commits.reason)

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
        if self.service.standing.phase is not Phase.CURRENT:
            return False
        links = all(station.link.hello for station in self.service.sessions.values())
        busy = self.unsettled() or self.office.under_way or self.service.outbox.depth()
        return links and not busy and not self.service.books.commits.reason

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


async def _cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _moves(sale: Sale) -> bool:
    """Whether a sale will change with nobody doing anything."""
    return not sale.final and (sale.state in AT_THE_TILL or sale.state in ("paid", "refunding"))


def _told(sale: Sale) -> str:
    return f"{sale.terms.sale_id} {sale.state} owes {len(sale.owed)}"
