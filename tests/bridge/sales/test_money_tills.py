"""Tills that repeat, die, come back, change their mind and use an id again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bridge.books import books
from bridge.journal import writer
from tests.support.shop.money import Paper, ends, sells
from tests.support.shop.refunding import ask, done
from tests.support.shop.till import AMOUNT, SALE, World

NEXT = "sale-of-the-next-buyer"
BODY = {"sale_id": SALE, "amount": AMOUNT, "currency": "SEK"}
TIMES = 5

wishes = pytest.mark.parametrize("wish", ["paid", "cancel"])
STATES = {"paid": "paid", "cancel": "cancelled"}
OTHER = {"paid": "cancel", "cancel": "paid"}


async def test_a_till_that_says_everything_at_once_and_again(paper: Paper, world: World) -> None:
    assert sorted(await repeated(world, "/v1/sales", json=BODY)) == [200] * 4 + [201]
    await world.device.offered()
    await world.pay()
    looks = [world.sale() for _ in range(TIMES)]
    assert [sale["state"] for sale in await asyncio.gather(*looks)] == ["approved"] * TIMES
    assert await repeated(world, f"/v1/sales/{SALE}/paid") == [200] * TIMES
    await ends(world, paper)
    body = {"refund_id": "refund-0123456789", "sale_id": SALE, "amount": AMOUNT}
    assert sorted(await repeated(world, "/v1/refunds", json=body)) == [200] * 4 + [201]
    paper.keep_refund(await done(world, "refund-0123456789"))
    assert await repeated(world, "/v1/sales", json=BODY) == [200] * TIMES


async def repeated(world: World, path: str, **request: Any) -> list[int]:
    """The same some times at once: the statuses."""
    calls = [world.call("POST", path, **request) for _ in range(TIMES)]
    return [status for status, _ in await asyncio.gather(*calls)]


@wishes
async def test_a_till_that_dies_before_it_decides(stopped: World, paper: Paper, wish: str) -> None:
    """It knows of the approval, and nobody else decides, however often the bridge restarts."""
    async with stopped.bridge():
        approved = await stopped.approved()
    for _ in range(2):
        async with stopped.bridge():
            assert (await stopped.call("GET", "/v1/sales?till=3"))[1]["sales"] == [approved]
    async with stopped.bridge():
        assert (await ends(stopped, paper, wish))["state"] == STATES[wish]


async def test_a_till_that_dies_before_it_hears(stopped: World, paper: Paper) -> None:
    """It comes back to a bridge that has restarted: nobody was told, so nothing was sold."""
    async with stopped.bridge():
        await stopped.once_told("authorised", stopped.handed())
    async with stopped.bridge():
        status, sale = await stopped.call("POST", "/v1/sales", json=BODY)
        assert (status, sale["state"]) == (200, "cancelled")
        await ends(stopped, paper)
        await sells(stopped, paper, NEXT)


@wishes
async def test_a_till_that_changes_its_mind(stopped: World, paper: Paper, wish: str) -> None:
    """Whenever it asks for the other, also after restarts: the first word stands."""
    async with stopped.bridge():
        await stopped.owed(wish)
        assert (await stopped.too_late(OTHER[wish]))["state"] == STATES[wish]
    async with stopped.bridge():
        assert (await stopped.too_late(OTHER[wish]))["state"] == STATES[wish]
        stopped.authority.faults.clear()
        await ends(stopped, paper)
        assert (await stopped.too_late(OTHER[wish]))["state"] == STATES[wish]
        await stopped.decide(wish)


async def test_a_till_that_loses_its_memory_and_uses_an_id_again(
    paper: Paper, world: World
) -> None:
    """For the same it is the sale of before; for anything else a conflict. Nothing is rung up."""
    before = await world.posted()
    paper.keep(before)
    assert await world.call("POST", "/v1/sales", json=BODY) == (200, before)
    other = await world.problem("POST", "/v1/sales", json={**BODY, "amount": 1})
    assert other == (409, "conflict", before)
    await sells(world, paper, NEXT)


@pytest.mark.parametrize("amount", [AMOUNT, 1], ids=["same", "other"])
async def test_an_id_of_a_sale_long_closed(
    stopped: World, paper: Paper, monkeypatch: pytest.MonkeyPatch, amount: int
) -> None:
    """It is in an archive, and the answer is how it ended then; after a restart too."""
    monkeypatch.setattr(books, "RECENT_MOST", 1)
    monkeypatch.setattr(writer, "ARCHIVE_AT", 1)
    again = {**BODY, "amount": amount}
    async with stopped.bridge():
        before = await stopped.posted()
        paper.keep(before)
        await sells(stopped, paper, NEXT)
        assert await stopped.problem("POST", "/v1/sales", json=again) == used(before)
    assert list(stopped.config.journal.parent.glob("*archive*"))
    async with stopped.bridge():
        assert await stopped.problem("POST", "/v1/sales", json=again) == used(before)
        assert (await stopped.too_late("cancel"))["settlement"] == "posted"
        await ask(stopped, amount=1_000)
        paper.keep_refund(await done(stopped))


def used(sale: dict[str, Any]) -> tuple[int, str, dict[str, Any]]:
    return 409, "sale-id-used", sale
