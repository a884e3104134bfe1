"""Whoever watches the bridge's events is told of each line of the journal, once and in order.

The watcher comes back with its cursor after every crash. Its socket tells nothing that the journal
has not, and nothing is left out that came while there was no bridge to tell of it. Where an older
journal was put back, it begins again at that one's end: what it heard beyond was lost.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp

from bridge.domain import event_codec
from bridge.domain.states import Event, State
from simulator.world.till import Till

from .audit import UNKNOWN, Finding

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from bridge.domain.sale import Sale
    from bridge.journal import Entry

AGAIN_S = 0.05  # after a bridge that was not there
GONE = 410  # the cursor is in an archive


class Heard(NamedTuple):
    """What was told of one line of the journal."""

    cursor: int
    sale_id: str
    what: str


class Point(NamedTuple):
    """The end of a copy of the journal: the era in which it was made, and its newest entry."""

    era: int
    sequence: float


@dataclass
class Era:
    """What was told until an older journal was put back."""

    follows: Point | None = None  # what was put back
    heard: list[Heard] = field(default_factory=list)
    gaps: list[range] = field(default_factory=list)  # in an archive when they were asked for
    stands: float = math.inf  # the last cursor of what is in the journal still


class EventWatcher:
    """Runs until it is cancelled."""

    def __init__(self, bridge: Callable[[], Awaitable[str]]) -> None:
        self.eras = [Era()]
        self.connections = 0
        self._bridge = bridge
        self._last = 0
        self._cursor: int | None = 0  # None: whatever comes next
        self._news = asyncio.Event()

    @property
    def told(self) -> int:
        """How many lines."""
        return sum(len(era.heard) for era in self.eras)

    async def run(self) -> None:
        while True:
            with suppress(aiohttp.ClientConnectionError, OSError):
                await self._follow(await self._bridge())
            await asyncio.sleep(AGAIN_S)

    async def until(self, sale_id: str, what: str) -> None:
        """Until it was told this of the sale."""
        while not any(
            (heard.sale_id, heard.what) == (sale_id, what) for heard in self.eras[-1].heard
        ):
            await self._news.wait()

    @property
    def era(self) -> int:
        """The present one."""
        return len(self.eras) - 1

    def put_back(self, point: Point) -> None:
        """The bridge is down, and its journal ends there now."""
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
        """The lines that it was told of, or could not be any more."""
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
                    if era is self.eras[-1]:  # else it was on its way when its journal was lost
                        self._take(event)
        except aiohttp.WSServerHandshakeError as error:
            if error.status == GONE and era is self.eras[-1]:
                self._cursor = None

    def _take(self, event: dict[str, Any]) -> None:
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
    """What was told otherwise than it is written, twice, or not at all."""
    written = {entry.id: Heard(entry.id, entry.sale_id, entry.kind) for entry in entries}
    for era in watcher.eras:
        yield from _astray(era, written)
    told = watcher.has()
    for cursor in _owed(entries):
        if cursor not in told:
            yield Finding(UNKNOWN, written[cursor].sale_id, f"{written[cursor].what} never told")


def _astray(era: Era, written: dict[int, Heard]) -> Iterator[Finding]:
    before = 0
    for heard in era.heard:
        if heard.cursor <= before:
            yield Finding(UNKNOWN, heard.sale_id, f"{heard.what} told again, or out of order")
        elif heard.cursor <= era.stands and written.get(heard.cursor) != heard:
            yield Finding(UNKNOWN, heard.sale_id, f"{heard.what} told, and it is not written")
        before = max(before, heard.cursor)


def _owed(entries: Sequence[Entry]) -> Iterator[int]:
    """The lines of which every watcher is told.

    Not that a sale is approved: a watcher may be the till, and hears of it as told. And a refund
    without a phone begins with two lines at once, as does what is taken over from the authority.
    """
    sales: dict[str, Sale] = {}
    for entry, after in zip(entries, [*entries[1:], None], strict=True):
        sale = event_codec.follow(sales, entry)
        at_once = after is not None and after.kind in (Event.REFUND_ORDERED, Event.ADOPTED)
        if sale.state is not State.APPROVED and not (entry.kind == event_codec.RUNG and at_once):
            yield entry.id
