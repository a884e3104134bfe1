"""One soak: sales and crashes by the plan, then quiet, then the books compared."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from bridge.money.states import Event
from receiver import messages, reasons
from simulator.till import Till

from . import evidence
from .audit import DOUBLED, LOST, UNKNOWN, Finding, Names, Tills, audit, count
from .books import Books
from .buyers import Buyers
from .plan import plan
from .shop import Shop
from .till import SoakTill
from .victims import Victims
from .watcher import Watcher, compare

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bridge.money.sale import Sale

    from .books import KeptRefund
    from .plan import Order, Plan

    Progress = Callable[[int, int], object]

TILLS = 4  # side by side at one bridge
LAST = 100  # minor units, of a sale that nobody pays
QUIET_S = 60.0  # for all that is owed, with everything up
HURRY_S = 1.0  # between two reminders, as a circuit breaker may be open just then
START_S, SALE_S = 60.0, 5.0  # how long a run may take: for each sale ten times what it does


class Result(NamedTuple):
    """What a run came to."""

    sales: int
    seconds: float
    deaths: Counter[str]  # by SIGKILL
    till_deaths: int
    ends: Counter[str]  # of sales, by state and reason in the journal
    refunds: dict[str, Counter[str]]  # by how they were given, and how they ended at the tills
    offline: int  # accepted without the authority
    told: int  # lines of the journal to the watcher
    connections: int  # that it took
    posted: int
    findings: list[Finding]

    @property
    def summary(self) -> dict[str, int]:
        """As build/soak.json has it."""
        return {
            "sales": self.sales,
            "crashes": self.deaths.total(),
            "posted": self.posted,
            **{kind: count(self.findings, kind) for kind in (LOST, DOUBLED, UNKNOWN)},
        }

    @property
    def good(self) -> bool:
        return not self.findings


async def soak(
    directory: Path, sales: int, seed: int, progress: Progress, database: str | None = None
) -> Result:
    """`progress` hears how many sales are over, and how many crashes there were.

    `database` is the URL of PostgreSQL for the authority; without one it has a file.
    """
    books = Books(directory / "tills.sqlite")
    try:
        async with Shop(directory, TILLS, database) as shop:
            before = evidence.ledger_at(shop.authority.database)
            run = _Run(shop, books, plan(sales, seed, TILLS), progress)
            began = time.monotonic()
            late = await run.play()
            seconds = time.monotonic() - began
            await shop.bridge.stop()
            after = evidence.ledger_at(shop.authority.database)
            journal = evidence.journalled(shop.journal)
            names = Names(shop.bridge_id, shop.receivers)
        tills = Tills(books.sales(), books.refunds(), books.complaints())
        findings = late + audit(tills, names, before, after, journal)
        if not late:
            findings += compare(run.watcher, journal.entries)
    finally:
        books.close()
    return Result(
        len(tills.sales),
        seconds,
        run.victims.deaths,
        run.till_deaths,
        Counter(_end(journal.sales[sale.sale_id]) for sale in tills.sales),
        {
            "refunds": Counter(_how(refund) for refund in tills.refunds if not refund.phone),
            "refunds by phone": Counter(_how(refund) for refund in tills.refunds if refund.phone),
        },
        sum(sale.mode == messages.OFFLINE for sale in journal.sales.values()),
        len(run.watcher.heard),
        run.watcher.connections,
        sum(row.posted > 0 for row in after.rows),
        findings,
    )


class _Run:
    def __init__(self, shop: Shop, books: Books, plan: Plan, progress: Progress) -> None:
        self.victims = Victims(shop)
        self._plan = plan
        self._progress = progress
        self._buyers = Buyers(shop)
        self._tills = [
            SoakTill(books, self.victims.bridge, self._rung, self._buyers.come_back)
            for _ in shop.counters
        ]
        self.watcher = Watcher(self.victims.bridge)
        self._over = 0

    @property
    def till_deaths(self) -> int:
        return sum(till.deaths for till in self._tills)

    async def play(self) -> list[Finding]:
        """What was not over in time."""
        watching = asyncio.create_task(self.watcher.run())
        try:
            async with asyncio.timeout(START_S + SALE_S * len(self._plan.orders)):
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self.victims.run(self._plan.kills))
                    for number, till in enumerate(self._tills, 1):
                        tasks.create_task(self._serve(number, till))
            async with asyncio.timeout(QUIET_S):
                await self._settle()
        except TimeoutError:
            return [Finding(UNKNOWN, "all", "not over in time")]
        finally:
            watching.cancel()
            await asyncio.wait({watching})
        if not watching.cancelled():
            watching.result()
        return []

    async def _serve(self, number: int, till: SoakTill) -> None:
        for order in self._plan.orders:
            if order.till == number:
                await self.victims.begun()
                await till.serve(order)
                await self._buyers.go(order)
                self._over += 1
                self._progress(self._over, self.victims.deaths.total())

    def _rung(self, order: Order) -> None:
        self._buyers.come(order)

    async def _settle(self) -> None:
        """Everything is up and nobody wishes anything any more: until nothing is owed."""
        async with (
            Till(await self.victims.bridge()) as till,
            till.watch() as events,
            asyncio.TaskGroup() as tasks,
        ):
            hurrying = tasks.create_task(_hurry(till))
            while (await till.outbox())["depth"] or await till.open_sales():
                await anext(events)
            hurrying.cancel()
            last = await till.ring_up(LAST, till=1)
            await till.abort(last["sale_id"])
            await self.watcher.until(last["sale_id"], Event.ENDED)  # and so of all before


def _end(sale: Sale) -> str:
    return f"{sale.state}, {reasons.name(sale.reason)}" if sale.reason else str(sale.state)


def _how(refund: KeptRefund) -> str:
    return refund.ended or "open"


async def _hurry(till: Till) -> None:
    while True:
        await till.send_now()
        await asyncio.sleep(HURRY_S)
