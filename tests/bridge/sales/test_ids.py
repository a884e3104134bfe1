"""A till that repeats itself, crashes, reuses an id; and a bridge that takes nothing new."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.books import books
from bridge.journal import disk
from receiver.link import wire
from tests.support.shop import refunding
from tests.support.shop.till import AMOUNT, SALE, World, outcome

NEXT = "sale-of-the-next-buyer"
BODY = {"sale_id": SALE, "amount": AMOUNT, "currency": "SEK"}


async def again(world: World, **changes: Any) -> tuple[int, dict[str, Any]]:
    return await world.call("POST", "/v1/sales", json=BODY | changes)


async def test_the_same_again_at_every_moment(world: World) -> None:
    """A till that came back from a crash says what it said before, and goes on."""
    async with world.watching() as told:
        await world.ring()
        offered = await told("offered")
        assert await again(world) == (200, offered)
        world.hand()
        granted = await told("authorised")
        assert await again(world) == (200, granted)
    [name] = world.transactions()
    world.device.judge(name)
    approved = await world.sale()
    assert await again(world) == (200, approved)
    posted = await world.ended("paid")
    assert await again(world) == (200, posted)
    assert (list(world.transactions().values()), world.device.orders) == (["POSTED"], 1)


@pytest.mark.parametrize(
    "changes",
    [{"amount": AMOUNT + 1}, {"currency": "EUR"}, {"patience_s": 26}, {"reference": "kvitto 8"}],
)
async def test_the_same_id_for_another_sale(world: World, changes: dict[str, Any]) -> None:
    """At any time, and nothing happens to the one that is known."""
    conflict = (409, "conflict")
    body = BODY | changes
    async with world.watching() as told:
        await world.ring()
        offered = await told("offered")
    assert await world.problem("POST", "/v1/sales", json=body) == (*conflict, offered)
    await world.goes_through()
    posted = await world.ended("paid")
    assert await world.problem("POST", "/v1/sales", json=body) == (*conflict, posted)


async def test_an_id_of_long_ago(stopped: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sale is still found; but whoever rings it up again has lost count."""
    monkeypatch.setattr(books, "RECENT_MOST", 1)
    async with stopped.bridge():
        old = await stopped.posted()
        await refunding.ask(stopped, amount=1)
        await refunding.done(stopped)
        await stopped.posted(NEXT)
        stopped.daemon.service.books._journal.archive(set())
    async with stopped.bridge():
        for body in (BODY, BODY | {"amount": 1}):
            answer = await stopped.problem("POST", "/v1/sales", json=body)
            assert answer == (409, "sale-id-used", old)
        status, kind, _ = await refunding.refused(stopped, amount=1)
        assert (status, kind) == (409, "sale-id-used")
        assert await stopped.sale(wait=0) == old
        assert await stopped.decide("paid") == old
        assert await stopped.too_late("cancel") == old
        assert (await stopped.call("GET", "/v1/sales"))[1] == {"sales": []}


@pytest.mark.parametrize(
    "sale_id", ["%00", "%ED%A0%80", "%FF", "..", "%2F", "'; DROP TABLE entries; --", "x" * 1500]
)
@pytest.mark.parametrize("what", ["", "/paid"])
async def test_ids_that_cannot_have_been_used(world: World, sale_id: str, what: str) -> None:
    method = "POST" if what else "GET"
    for kind in ("sales", "refunds"):
        status, _ = await world.call(method, f"/v1/{kind}/{sale_id}{what}")
        assert status in (404, 405)
    assert (await world.call("GET", "/healthz"))[0] == 200


# Nothing new


async def refuses_new(world: World, kind: str) -> None:
    for answer in (
        await world.problem("POST", "/v1/sales", json=BODY | {"sale_id": NEXT}),
        await refunding.refused(world),
        await refunding.refused(world, phone=True),
    ):
        assert answer == (503, kind, None)


async def test_a_full_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has begun goes on to its end, and what ended can be looked at."""
    await world.posted()
    await world.approved("sale-undecided-yet")
    await world.ring_up("sale-under-way--")
    monkeypatch.setattr(disk, "free", lambda _: 0)
    assert (await again(world))[0] == 200
    await world.goes_through("sale-under-way--")
    for sale_id in ("sale-undecided-yet", "sale-under-way--"):
        assert (await world.ended("paid", sale_id))["settlement"] == "posted"
    await refuses_new(world, "no-room")
    monkeypatch.undo()
    await world.ring(NEXT)


async def test_a_bridge_that_stops(world: World) -> None:
    await world.posted()
    await world.approved("sale-undecided-yet")
    await world.ring_up("sale-without-buyer")
    await world.daemon.service.drain(0)
    await refuses_new(world, "stopping")
    assert outcome(await world.sale("sale-without-buyer", wait=0)) == (
        "cancelled",
        "bridge_restarted",
    )
    assert (await world.device.heard(wire.CANCEL)).reference
    assert (await world.ended("paid", "sale-undecided-yet"))["settlement"] == "posted"
