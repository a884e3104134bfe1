"""The till's side of a measured purchase: a bridge that is told to ring up, or a person."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from bridge.observability import timings
from bridge.till.rest.models import TimingEvent
from simulator.processes.scope import Scope
from simulator.tools.promise import marks
from simulator.tools.promise.record import NOT_PAID, PAID, Mark
from simulator.world.till import Json, Till, TillError

AMOUNT = 100  # minor units; each purchase is given back
PATIENCE_S = 45  # of the till
TIMED_S = 5.0  # until the bridge tells the times of a sale: 0.1 s after its end
OFFERED_S = 10.0  # until the receiver has signed an offer: 0.1 s


class TillSays(NamedTuple):
    """What the till's side knows of a purchase at its end; times are this computer's.

    `outcome` is "" where the till is not seen.
    """

    offered: float | None = None  # as far as can be seen: when it was rung up
    approved: float | None = None
    authority_s: float = 0.0  # waited for the authority alone
    marks: tuple[Mark, ...] = ()
    outcome: str = ""
    reason: str = ""


class TillSide(Scope, ABC):
    """One till; `number` is None where it is not known."""

    number: int | None = None
    rings = True  # by itself, so that a phone can be checked in before

    @abstractmethod
    async def ring_up(self) -> None:
        """Ring up a purchase; return once its offer is on the air."""

    @abstractmethod
    async def ended(self) -> TillSays:
        """End the purchase, paid or not; return what is known of it."""

    @abstractmethod
    async def give_back(self) -> None:
        """Cancel it, so that nothing is invoiced."""


class BridgeTill(TillSide):
    """A till of a bridge, by its till API. Calls raise TillError and aiohttp's errors."""

    def __init__(self, till: Till, number: int | None) -> None:
        self.number = number
        self._till = till
        self._seen: list[Json] = []
        self._news = asyncio.Event()
        self._answer: asyncio.Task[tuple[Json, float]]
        self._sale = ""
        self._rung = 0.0

    async def open(self) -> None:
        await self.stack.enter_async_context(self._till)
        events = await self.stack.enter_async_context(self._till.watch())
        watching = asyncio.create_task(self._watch(events))
        self.stack.callback(watching.cancel)
        found = [receiver["till"] for receiver in await self._till.receivers()]
        if self.number is None and len(found) == 1:
            self.number = found[0]
        if self.number not in found:
            known = ", ".join(map(str, found)) or "none"
            raise LookupError(f"the bridge has no till {self.number}; it has {known}")

    async def ring_up(self) -> None:
        self._seen.clear()
        self._rung = asyncio.get_running_loop().time()
        sale = await self._till.ring_up(AMOUNT, till=self.number, patience_s=PATIENCE_S)
        self._sale = sale["sale_id"]
        self._answer = asyncio.create_task(self._outcome())
        await self._event(self._is_offered, OFFERED_S)

    async def ended(self) -> TillSays:
        if not self._answer.done():
            await self._abort_unless_approved()
        sale, at = await self._answer
        if sale["state"] != "approved":
            reason = (sale["reason"] or {}).get("code", "")
            why = f"{sale['state']} {reason}".strip()
            return TillSays(self._rung, outcome=NOT_PAID, reason=why)
        timed = await self._event(self._is_timed, TIMED_S)
        return _said(self._rung, msgspec.convert(timed, TimingEvent).stamps, at)

    async def give_back(self) -> None:
        with suppress(TillError):  # it was never approved
            await self._till.cancel(self._sale)

    async def _outcome(self) -> tuple[Json, float]:
        """Return the sale, and when its answer came."""
        sale = await self._till.outcome(self._sale)
        return sale, asyncio.get_running_loop().time()

    async def _abort_unless_approved(self) -> None:
        """Wait no longer than the till is told after the phone; then stop the sale."""
        with suppress(TimeoutError):
            async with asyncio.timeout(TIMED_S):
                await asyncio.wait([self._answer])
                return
        with suppress(TillError):
            await self._till.abort(self._sale)

    async def _watch(self, events: Any) -> None:
        async for event in events:
            self._seen.append(event)
            self._news.set()

    async def _event(self, wanted: Callable[[Json], bool], within_s: float) -> Json:
        """Return the first such event since the ring; raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while True:
                for event in self._seen:
                    if wanted(event):
                        return event
                self._news.clear()
                await self._news.wait()

    def _is_offered(self, event: Json) -> bool:
        is_offer = event["event"] == "sale" and event["what"] == "offered"
        return is_offer and bool(event["sale"]["sale_id"] == self._sale)

    def _is_timed(self, event: Json) -> bool:
        return event["event"] == "timing" and bool(event["sale_id"] == self._sale)


class HandTill(TillSide):
    """A till at which a person rings up; nothing is seen of it."""

    rings = False

    def __init__(self, number: int | None, ask: Callable[[str], None]) -> None:
        self.number = number
        self._ask = ask
        self._rung = 0.0

    async def open(self) -> None:
        """Need nothing."""

    async def ring_up(self) -> None:
        await asyncio.to_thread(self._ask, "Ring up any amount, then press Enter")
        self._rung = asyncio.get_running_loop().time()

    async def ended(self) -> TillSays:
        return TillSays(self._rung)

    async def give_back(self) -> None:
        await asyncio.to_thread(self._ask, "Cancel it at the till, then press Enter")


def _said(rung: float, stamps: dict[str, float], answered: float) -> TillSays:
    """Return what a bridge's times say, moved to the clock by which its answer came."""
    return TillSays(
        offered=rung,
        approved=answered,
        authority_s=marks.waited_s(stamps),
        marks=tuple(marks.of_bridge(stamps, answered - stamps[timings.TOLD])),
        outcome=PAID,
    )
