"""One soak: sales and crashes by the plan, then quiet, then compare the books."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from bridge.domain.states import Event
from receiver import reasons
from receiver.protocol import messages

from . import ledger_and_journal
from .after_restore import Again
from .audit import DOUBLED, LOST, UNKNOWN, Finding, Liability, Tills, audit, count, liabilities
from .back_office import Person
from .buyers import Buyers
from .event_watcher import EventWatcher, compare
from .journal_faults import JournalFaults
from .kills import Victims
from .ledger_and_journal import Journalled
from .plan import (
    AUTHORITY,
    BACKUP,
    BRIDGE,
    COPY_BACK,
    EXCHANGE,
    LOCK,
    RECEIVER,
    RENUMBER,
    RESTORE,
    Plan,
    PlannedSale,
    plan,
)
from .retried_calls import Asking
from .shop import Shop, open_shop
from .till import SoakTill
from .till_disk import Books, Kept

Progress = Callable[[int, int], object]

TILLS = 4  # in parallel at one bridge
LAST = 100  # minor units, of a sale without a buyer
QUIET_S = 60.0  # for all that is owed, with everything up
HURRY_S = 0.3  # between two attempts, as a circuit breaker may be open just then
START_S, SALE_S = 90.0, 5.0  # the longest run: for each sale ten times the usual

_FAULTS = (BACKUP, RESTORE, COPY_BACK, LOCK, RENUMBER, EXCHANGE)  # of the journal and of tills
_MISTAKES = (LOST, DOUBLED, UNKNOWN)
SUMMARY = ("sales", "crashes", "posted", *_FAULTS, "unplugged", "liabilities", *_MISTAKES)


class SoakResult(NamedTuple):
    """The result of a run."""

    seconds: float
    figures: list[tuple[str, int]]  # in order; parts of the one before are indented
    recovery: list[str]  # the log of the last restored journal
    liabilities: list[Liability]
    findings: list[Finding]

    @property
    def summary(self) -> dict[str, int]:
        """Return the content of build/soak.json."""
        return {name: number for name, number in self.figures if name in SUMMARY}


async def soak(directory: Path, sales: int, seed: int, progress: Progress) -> SoakResult:
    """Run a soak; `progress` gets the numbers of finished sales and of crashes."""
    books, wanted = Books(directory / "tills.sqlite"), plan(sales, seed, TILLS)
    spares = sum(change.kind == EXCHANGE for change in wanted.changes.values())
    try:
        async with open_shop(directory, TILLS, spares) as shop:
            before = ledger_and_journal.ledger_at(shop.authority.database)
            run = _Run(shop, books, wanted, progress)
            began = time.monotonic()
            late = await run.play()
            seconds = time.monotonic() - began
            await shop.bridge.stop()
            after = ledger_and_journal.ledger_at(shop.authority.database)
            journal = ledger_and_journal.journalled(shop.journal)
            bridge_id = shop.bridge_id
        tills = Tills(books.sales(), books.refunds(), books.complaints())
        findings = late + audit(tills, bridge_id, before, after, journal)
        if not late:
            findings += compare(run.watcher, journal.entries)
    finally:
        books.close()
    liable = liabilities(tills, journal)
    posted = sum(row.posted > 0 for row in after.rows)
    figures = [
        *_sales(tills, journal),
        *run.figures(),
        ("posted", posted),
        *((kind, run.faults.done[kind]) for kind in _FAULTS),
        ("unplugged", run.victims.unplugged),
        ("liabilities", len(liable)),
        *((kind, count(findings, kind)) for kind in _MISTAKES),
    ]
    return SoakResult(seconds, figures, run.faults.recovery(), liable, findings)


def _sales(tills: Tills, journal: Journalled) -> Iterator[tuple[str, int]]:
    """Count sales by state and reason in the journal, refunds by how they ended at the tills."""
    yield "sales", len(tills.sales)
    yield from _parts(_end(sale, journal) for sale in tills.sales)
    offline = sum(sale.mode == messages.OFFLINE for sale in journal.sales.values())
    yield "  of them accepted offline", offline
    for name, phone in (("refunds", False), ("refunds by phone", True)):
        ends = [refund.ended or "open" for refund in tills.refunds if bool(refund.phone) is phone]
        yield name, len(ends)
        yield from _parts(ends)


def _parts(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    return ((f"  {name}", number) for name, number in sorted(Counter(names).items()))


class _Run:
    def __init__(self, shop: Shop, books: Books, plan: Plan, progress: Progress) -> None:
        self.victims = Victims(shop)
        self._shop = shop
        self._plan = plan
        self._progress = progress
        self._buyers = Buyers(shop)
        self._asking = Asking(self.victims.bridge)
        self._person = Person(self._asking)
        self.watcher = EventWatcher(self.victims.bridge)
        again = Again(books, self._asking)
        self.faults = JournalFaults(shop, self.victims, self.watcher, again.since)
        self._tills = [
            SoakTill(
                books=books,
                asking=self._asking,
                counter=counter,
                rewinds=self.faults.rewinds,
                rung=self._rung,
                asked_back=self._buyers.come_back,
            )
            for counter in shop.counters
        ]
        self._over = 0

    def figures(self) -> Iterator[tuple[str, int]]:
        """Count crashes by SIGKILL, those of tills, and entries that the watcher was sent."""
        deaths = self.victims.deaths
        yield "crashes", deaths.total()
        yield from ((f"  {victim}", deaths[victim]) for victim in (BRIDGE, AUTHORITY, RECEIVER))
        yield "crashes of tills", sum(till.deaths for till in self._tills)
        yield "events told", self.watcher.told
        yield "  over connections", self.watcher.connections

    async def play(self) -> list[Finding]:
        """Play the plan; return what was not finished in time."""
        watching = asyncio.create_task(self.watcher.run())
        try:
            async with asyncio.timeout(START_S + SALE_S * len(self._plan.orders)):
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self.victims.run(self._plan.kills))
                    tasks.create_task(self.faults.run(self._plan.faults))
                    for number, till in enumerate(self._tills, 1):
                        tasks.create_task(self._serve(number, till))
            async with asyncio.timeout(QUIET_S):
                left = await self._settle()
        except TimeoutError:
            return [Finding(UNKNOWN, "all", "not finished in time")]
        finally:
            watching.cancel()
            await asyncio.wait({watching})
        if not watching.cancelled():
            watching.result()
        return left

    async def _serve(self, number: int, till: SoakTill) -> None:
        for order in self._plan.orders:
            if order.till == number:
                if change := self._plan.changes.get(order.number):
                    await self.faults.change(change, self._shop.counters[number - 1])
                await self.victims.begun()
                await till.serve(order)
                await self._buyers.go(order)
                self._over += 1
                self._progress(self._over, self.victims.deaths.total())

    def _rung(self, order: PlannedSale) -> None:
        self._buyers.come(order)

    async def _settle(self) -> list[Finding]:
        """Wait until nothing is owed, with everything up; return what is left."""
        await self._quiet()
        await self._person.see_to_all()
        await self._quiet()
        left = await self._person.left()
        number = self._shop.counters[0].number
        last = await self._asking.ask(lambda till: till.ring_up(LAST, till=number))
        await self._asking.ask(lambda till: till.abort(last["sale_id"]))
        await self.watcher.until(last["sale_id"], Event.CANCELLED)  # and so of all before
        return left

    async def _quiet(self) -> None:
        """Wait until nothing is owed and nothing is open."""
        while True:
            outbox = await self._asking.ask(lambda till: till.send_now())
            if not outbox["depth"] and not await self._asking.ask(lambda till: till.open_sales()):
                return
            await asyncio.sleep(HURRY_S)


def _end(kept: Kept, journal: Journalled) -> str:
    sale = journal.sales.get(kept.sale_id)
    if sale is None:
        return "in no books"
    return f"{sale.state}, {reasons.name(sale.reason)}" if sale.reason else str(sale.state)
