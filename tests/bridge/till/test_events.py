"""Events with a cursor: who comes back gets all that was journalled meanwhile, in order, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from bridge.books.event_bus import EventBus
from bridge.domain.events import AUTHORITY, BRIDGE, Refused, SaleChanged
from bridge.domain.sale import Sale
from bridge.domain.states import Event, State
from bridge.sales.sale_service import Service
from bridge.till.rest import websocket
from receiver import reasons
from receiver.link import wire
from simulator.authority import Fault
from tests.support.bridge.device import PATIENCE_S
from tests.support.bridge.outbox import TERMS
from tests.support.shop.refunding import REFUND, ask
from tests.support.shop.till import OVER_LIMIT, SALE, World

Json = dict[str, Any]


class Watcher:
    """Reads events until one that it waits for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.seen: list[Json] = []

    async def until(self, what: str, sale_id: str = SALE) -> list[Json]:
        """All events of sales up to this one."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = await self._socket.receive_json()
                if event["event"] == "sale":
                    self.seen.append(event)
                    names = event["sale"].get("sale_id"), event["sale"].get("refund_id")
                    if event["what"] == what and sale_id in names:
                        return self.seen


@asynccontextmanager
async def watcher(
    world: World, after: int | None = None, *, till: bool = True
) -> AsyncIterator[Watcher]:
    query = {} if after is None else {"after": str(after)}
    query |= {"till": "true"} if till else {}
    async with world.http.ws_connect("/v1/events", params=query) as socket:
        yield Watcher(socket)


def journalled(events: list[Json]) -> list[tuple[int, str, Json]]:
    """What a replay must give of live events: those that the journal keeps.

    Without the phone, and without the display's words for it.
    """
    unseen = {"phone": None, "display": None}
    kept = [event for event in events if event["cursor"] is not None]
    return [(it["cursor"], it["what"], it["sale"] | unseen) for it in kept]


async def replayed(world: World, after: int, until: str) -> list[tuple[int, str, Json]]:
    async with watcher(world, after) as watch:
        events = await watch.until(until)
    assert {event["from"] for event in events} == {"journal"}
    return journalled(events)


async def test_a_replay_is_what_was_told(world: World) -> None:
    """From every cursor on: each event with the sale as it was just then."""
    async with watcher(world) as watch:
        await world.posted()
        live = await watch.until("posted")
    told = journalled(live)
    assert [what for _, what, _ in told] == [
        *("rung", "offered", "approval_received", "authorisation_sent"),
        *[what for _, what, _ in told[4:-3]],  # the two words, in whatever order
        *("till_notified", "paid", "posted"),
    ]
    cursors = [cursor for cursor, _, _ in told]
    assert cursors == sorted(set(cursors))
    assert await replayed(world, 0, "posted") == told
    for at, cursor in enumerate(cursors[:-1]):
        assert await replayed(world, cursor, "posted") == told[at + 1 :]


async def test_approved_is_told_by_one_event_alone(world: World) -> None:
    """Live and later: nothing says approved before the journal has that the till was told."""
    async with watcher(world) as watch:
        await world.approved()
        live = await watch.until("till_notified")
    for told in (journalled(live), await replayed(world, 0, "till_notified")):
        assert [what for _, what, sale in told if sale["state"] == "approved"] == ["till_notified"]


async def test_over_a_restart(stopped: World) -> None:
    """Mended, recalled and ended: all of it, in one order, in three lives of the bridge."""
    async with stopped.bridge(), watcher(stopped) as watch:
        first = await stopped.handed(amount=OVER_LIMIT)
        await watch.until("declined_awaiting_receiver")
        stopped.device.judge(first)
        await watch.until("mendable")
        await stopped.device.offered()
        await stopped.buyer.raise_limit(OVER_LIMIT)
        second = stopped.hand()
        await watch.until("authorised")
        stopped.break_authority(Fault.FAIL)
        stopped.device.judge(second, reasons.BAD_SIGNATURE)
        told = journalled(await watch.until("recalled"))
        half = told[len(told) // 2][0]
    stopped.authority.faults.clear()
    async with stopped.bridge(), watcher(stopped, half) as watch:
        await stopped.settled()
        rest = journalled(await watch.until("recall_reversed"))
    whole = told + [event for event in rest if event[0] > told[-1][0]]
    assert [what for _, what, _ in whole[-3:]] == ["recalled", "cancelled", "recall_reversed"]
    assert rest == [event for event in whole if event[0] > half]
    async with stopped.bridge():
        assert await replayed(stopped, 0, "recall_reversed") == whole


async def test_missed_first_and_then_live(world: World) -> None:
    """Without a gap and without an event twice, also where it happens just then."""
    async with watcher(world) as watch:
        await world.posted()
        told = journalled(await watch.until("posted"))
        async with watcher(world, told[2][0]) as late:
            await world.posted("sale-of-the-next-buyer")
            told = journalled(await watch.until("posted", "sale-of-the-next-buyer"))
            assert journalled(await late.until("posted", "sale-of-the-next-buyer")) == told[3:]


@pytest.mark.parametrize("after", [None, 0])
async def test_watching_is_not_telling(world: World, after: int | None) -> None:
    """What is written does not depend on who watches: an approval is told by its till alone."""
    await world.ring_up()
    async with watcher(world, till=False) as watch:
        await world.pay()
        await world.device.heard(wire.RESULT)
        async with watcher(world, after, till=False):
            sale = world.daemon.service.books.find(SALE)
            assert sale is not None
            assert sale.state is State.APPROVED
        assert (await world.sale())["state"] == "approved"
        events = await watch.until("till_notified")
    approved = [it for it in events if it["event"] == "sale" and it["sale"]["state"] == "approved"]
    assert [event["what"] for event in approved] == ["till_notified"]


@pytest.mark.parametrize("till", ["false", "1", ""])
async def test_a_till_says_so_in_one_way(world: World, till: str) -> None:
    status, kind, _ = await world.problem("GET", f"/v1/events?till={till}")
    assert (status, kind) == (400, "invalid-request")


async def test_a_till_is_told_what_it_missed(world: World) -> None:
    """An approval that its till has not seen is journalled as told before it is replayed."""
    await world.bought()
    await world.device.heard(wire.RESULT)
    async with watcher(world, 0) as watch:
        events = await watch.until("till_notified")
        assert events[-1]["sale"]["state"] == "approved"
        await world.decide("paid")
        events = await watch.until("paid")
    whats = [event["what"] for event in events]
    assert (whats[-2:], whats.count("till_notified")) == (["till_notified", "paid"], 1)


async def test_refunds_are_sales_here(world: World) -> None:
    await world.posted()
    async with watcher(world) as watch:
        await ask(world, amount=1)
        events = await watch.until("posted", REFUND)
    told = [(event["what"], event["sale"]["state"]) for event in events]
    assert told == [("refund_ordered", "pending"), ("posted", "refunded")]
    async with watcher(world, events[0]["cursor"]) as watch:
        assert journalled(await watch.until("posted", REFUND)) == journalled(events)[1:]


async def test_older_than_what_is_at_hand(world: World) -> None:
    await world.posted()
    await world.ring("sale-of-the-next-buyer")
    async with watcher(world, 0) as watch:
        last = (await watch.until("offered", "sale-of-the-next-buyer"))[-1]["cursor"]
    books = world.daemon.service.books
    books._journal.archive({sale.terms.sale_id for sale in books.open_sales()})
    status, kind, _ = await world.problem("GET", "/v1/events?after=0")
    assert (status, kind) == (410, "cursor-gone")
    async with watcher(world, last) as watch:  # of what was archived it has seen it all
        await world.decide("cancel", "sale-of-the-next-buyer")
        events = await watch.until("cancelled", "sale-of-the-next-buyer")
    assert "rung" not in [event["what"] for event in events]


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "9223372036854775808", "", "²"])
async def test_what_is_no_cursor(world: World, after: str) -> None:
    status, kind, _ = await world.problem("GET", f"/v1/events?after={after}")
    assert (status, kind) == (400, "invalid-request")


async def test_a_watcher_that_is_too_slow_is_cut_off(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And comes back with its cursor, rather than miss what happened."""
    async with watcher(world) as watch:
        await world.ring()
        last = (await watch.until("rung"))[-1]["cursor"]
    monkeypatch.setattr("bridge.books.event_bus.WAITING_MOST", 1)
    async with world.http.ws_connect("/v1/events") as socket:
        await world.device.offered()
        world.hand()  # two events at once
        async with asyncio.timeout(PATIENCE_S):
            while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert socket.close_code == aiohttp.WSCloseCode.TRY_AGAIN_LATER
    whats = [what for _, what, _ in await replayed(world, last, "authorisation_sent")]
    assert whats == ["offered", "approval_received", "authorisation_sent"]


# Who watches, and which of them is a till: what is approved is told to that one alone.


class Desk:
    """As much of the service as a stream looks at, with one approved sale."""

    def __init__(self) -> None:
        self.sale = Sale(TERMS)
        self.sale.state = State.APPROVED
        self.books = SimpleNamespace(find=lambda _: self.sale, open_sales=lambda: [self.sale])
        self.shown: list[Sale] = []

    def show(self, sale: Sale) -> None:
        self.shown.append(sale)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("till", [True, False])
async def test_an_approval_is_no_event_and_notifies_its_till_alone(desk: Desk, till: bool) -> None:
    bus, refused = EventBus(), Refused(BRIDGE, 0.0, 7, reasons.BUSY)
    with bus.subscribe() as watch:
        bus.publish(SaleChanged(AUTHORITY, 0.0, 3, 7, Event.AUTHORISED, desk.sale.copy()))
        bus.publish(refused)
        events = websocket.told(cast("Service", desk), [], watch, till=till)
        assert await anext(events) == refused
    assert desk.shown == ([desk.sale] if till else [])


@pytest.mark.parametrize("till", [True, False])
async def test_who_comes_back_is_notified_if_it_is_a_till(desk: Desk, till: bool) -> None:
    assert await websocket.missed(cast("Service", desk), None, till=till) == []
    assert desk.shown == ([desk.sale] if till else [])
