"""Whoever watches the bridge's events is told of each line of the journal, once and in order.

The watcher comes back with its cursor after every crash. Its socket tells nothing that the journal
has not, and nothing is left out that came while there was no bridge to tell of it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp

from bridge.money import facts
from bridge.money.states import Event, State
from simulator.till import Till

from .audit import UNKNOWN, Finding

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from bridge.journal import Entry
    from bridge.money.sale import Sale

AGAIN_S = 0.05  # after a bridge that was not there
GONE = 410  # the cursor is in an archive


class Heard(NamedTuple):
    """What was told of one line of the journal."""

    cursor: int
    sale_id: str
    what: str


class Watcher:
    """Runs until it is cancelled."""

    def __init__(self, bridge: Callable[[], Awaitable[str]]) -> None:
        self.heard: list[Heard] = []
        self.connections = 0
        self.gaps: list[range] = []  # of cursors that were in an archive when they were asked for
        self._bridge = bridge
        self._last = 0
        self._cursor: int | None = 0  # None: whatever comes next
        self._news = asyncio.Event()

    async def run(self) -> None:
        while True:
            with suppress(aiohttp.ClientConnectionError, OSError):
                await self._follow(await self._bridge())
            await asyncio.sleep(AGAIN_S)

    async def until(self, sale_id: str, what: str) -> None:
        """Until it was told this of the sale."""
        while not any((heard.sale_id, heard.what) == (sale_id, what) for heard in self.heard):
            await self._news.wait()

    def misses(self, cursor: int) -> bool:
        """Whether nobody could tell it of this line any more."""
        return any(cursor in gap for gap in self.gaps)

    async def _follow(self, url: str) -> None:
        try:
            async with Till(url) as till, till.watch(self._cursor) as events:
                self.connections += 1
                async for event in events:
                    self._take(event)
        except aiohttp.WSServerHandshakeError as error:
            if error.status == GONE:
                self._cursor = None

    def _take(self, event: dict[str, Any]) -> None:
        cursor = event.get("cursor")
        if event["event"] != "sale" or cursor is None:
            return
        if self._cursor is None:
            self.gaps.append(range(self._last + 1, cursor))
        self._cursor = self._last = cursor
        sale = event["sale"]
        sale_id = sale["refund_id"] if "refund_id" in sale else sale["sale_id"]
        self.heard.append(Heard(cursor, sale_id, event["what"]))
        self._news.set()
        self._news = asyncio.Event()


def compare(watcher: Watcher, entries: Sequence[Entry]) -> Iterator[Finding]:
    """What was told otherwise than it is written, twice, or not at all."""
    written = {entry.id: Heard(entry.id, entry.sale_id, entry.kind) for entry in entries}
    before = 0
    for heard in watcher.heard:
        if heard.cursor <= before:
            yield Finding(UNKNOWN, heard.sale_id, f"{heard.what} told again, or out of order")
        elif written.get(heard.cursor) != heard:
            yield Finding(UNKNOWN, heard.sale_id, f"{heard.what} told, and it is not written")
        before = max(before, heard.cursor)
    told = {heard.cursor for heard in watcher.heard}
    for cursor in _owed(entries):
        if cursor not in told and not watcher.misses(cursor):
            yield Finding(UNKNOWN, written[cursor].sale_id, f"{written[cursor].what} never told")


def _owed(entries: Sequence[Entry]) -> Iterator[int]:
    """The lines of which every watcher is told.

    Not that a sale is approved: a watcher may be the till, and hears of it as told. And a refund
    without a phone begins with two lines at once.
    """
    sales: dict[str, Sale] = {}
    for entry, after in zip(entries, [*entries[1:], None], strict=True):
        sale = facts.follow(sales, entry)
        ordered = after is not None and after.kind == Event.REFUND_ORDERED
        if sale.state is not State.APPROVED and not (entry.kind == facts.RUNG and ordered):
            yield entry.id
