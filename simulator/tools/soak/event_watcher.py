"""Watch the bridge's events and check that each journal entry comes once and in order.

The watcher returns with its cursor after every crash. Its socket sends only what the journal
has, and also what was written while the bridge was down. Where an older journal was restored,
it starts again at that journal's end: the events beyond were lost.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import aiohttp

from bridge.domain import event_codec
from bridge.domain.sale import Sale
from bridge.domain.states import Event, State
from bridge.journal import Entry
from simulator.world.till import Json, Till

from .audit import UNKNOWN, Finding

AGAIN_S = 0.05  # after a bridge that was down
GONE = 410  # the cursor is in an archive


class Heard(NamedTuple):
    """The event of one entry of the journal."""

    cursor: int
    sale_id: str
    what: str


class Point(NamedTuple):
    """The end of a copy of the journal: the era in which it was made, and its newest entry."""

    era: int
    sequence: float


@dataclass
class Era:
    """The events until an older journal was restored."""

    follows: Point | None = None  # the copy that was restored
    heard: list[Heard] = field(default_factory=list)
    gaps: list[range] = field(default_factory=list)  # in an archive when requested
    stands: float = math.inf  # the last cursor that is still in the journal


class EventWatcher:
    """A watcher that runs until it is cancelled."""

    def __init__(self, bridge: Callable[[], Awaitable[str]]) -> None:
        self.eras = [Era()]
        self.connections = 0
        self._bridge = bridge
        self._last = 0
        self._cursor: int | None = 0  # None: start with the next event
        self._news = asyncio.Event()

    @property
    def told(self) -> int:
        """Return how many entries came."""
        return sum(len(era.heard) for era in self.eras)

    async def run(self) -> None:
        while True:
            with suppress(aiohttp.ClientConnectionError, OSError):
                await self._follow(await self._bridge())
            await asyncio.sleep(AGAIN_S)

    async def until(self, sale_id: str, what: str) -> None:
        """Wait for this event of the sale."""
        while not any(
            (heard.sale_id, heard.what) == (sale_id, what) for heard in self.eras[-1].heard
        ):
            await self._news.wait()

    @property
    def era(self) -> int:
        """Return the present era."""
        return len(self.eras) - 1

    def put_back(self, point: Point) -> None:
        """Start an era: the bridge is down, and its journal now ends there."""
        self.eras.append(Era(point))
        for era in self.eras[:-1]:
            era.stands = 0
        before: Point | None = point
        while before:
            era = self.eras[before.era]
            era.stands = min(before.sequence, point.sequence)
            before = era.follows
        self._cursor = self._last = max(self.has(), default=0)

    def has(self) -> set[int]:
        """Return the cursors that came or cannot come any more."""
        found: set[int] = set()
        for era in self.eras:
            told = {heard.cursor for heard in era.heard}.union(*era.gaps)
            found |= {cursor for cursor in told if cursor <= era.stands}
        return found

    async def _follow(self, url: str) -> None:
        era = self.eras[-1]
        try:
            async with Till(url) as till, till.watch(self._cursor) as events:
                self.connections += 1
                async for event in events:
                    if era is self.eras[-1]:  # else it was under way when its journal was lost
                        self._take(event)
        except aiohttp.WSServerHandshakeError as error:
            if error.status == GONE and era is self.eras[-1]:
                self._cursor = None

    def _take(self, event: Json) -> None:
        cursor = event.get("cursor")
        if event["event"] != "sale" or cursor is None:
            return
        if self._cursor is None:
            self.eras[-1].gaps.append(range(self._last + 1, cursor))
        self._cursor = self._last = cursor
        sale = event["sale"]
        sale_id = sale["refund_id"] if "refund_id" in sale else sale["sale_id"]
        self.eras[-1].heard.append(Heard(cursor, sale_id, event["what"]))
        self._news.set()
        self._news = asyncio.Event()


def compare(watcher: EventWatcher, entries: Sequence[Entry]) -> Iterator[Finding]:
    """Find events that differ from the entry, came twice, or never came."""
    written = {entry.id: Heard(entry.id, entry.sale_id, entry.kind) for entry in entries}
    for era in watcher.eras:
        yield from _astray(era, written)
    told = watcher.has()
    for cursor in _owed(entries):
        if cursor not in told:
            yield Finding(UNKNOWN, written[cursor].sale_id, f"{written[cursor].what} never sent")


def _astray(era: Era, written: dict[int, Heard]) -> Iterator[Finding]:
    before = 0
    for heard in era.heard:
        if heard.cursor <= before:
            yield Finding(UNKNOWN, heard.sale_id, f"{heard.what} sent again, or out of order")
        elif heard.cursor <= era.stands and written.get(heard.cursor) != heard:
            yield Finding(UNKNOWN, heard.sale_id, f"{heard.what} sent, but not in the journal")
        before = max(before, heard.cursor)


def _owed(entries: Sequence[Entry]) -> Iterator[int]:
    """Return the entries that every watcher must get.

    Not `approved`: a watcher may be the till, and gets it when notified. And a refund
    without a phone begins with two entries at once, as does an adopted one.
    """
    sales: dict[str, Sale] = {}
    for entry, after in zip(entries, [*entries[1:], None], strict=True):
        sale = event_codec.follow(sales, entry)
        at_once = after is not None and after.kind in (Event.REFUND_ORDERED, Event.ADOPTED)
        if sale.state is not State.APPROVED and not (entry.kind == event_codec.RUNG and at_once):
            yield entry.id
