"""The past does not depend on today's configuration: tills renumbered, removed, receivers moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.config.configuration import ReceiverConfig
from tests.support.shop.offline_shop import accepted, alone, sells
from tests.support.shop.put_back import lose
from tests.support.shop.refunding import ask, done, refused
from tests.support.shop.till import AMOUNT, RECEIVER, SALE, TILL, World, enrol
from tests.support.values import evidence

NEXT = "sale-of-the-next-buyer"
OTHER = 4  # a till that stays, or comes instead

pytestmark = pytest.mark.usefixtures("noon")


def remove(world: World) -> None:
    """The till and its receiver are in the configuration no more; another one stays."""
    if len(world.config.receivers) == 1:
        world.add_receiver(OTHER)
    kept = [row for row in world.config.receivers if row.till != TILL]
    world.config = replace(world.config, receivers=tuple(kept))


def renumber(world: World) -> None:
    [row] = world.config.receivers
    world.config = replace(world.config, receivers=(replace(row, till=OTHER),))


def exchange(world: World) -> None:
    """Another receiver at the same till, as operations.md says."""
    id_, seed = (99).to_bytes(8, "big"), evidence.seed("its successor")
    path = world.config.journal.with_name("certificate-of-its-successor")
    path.write_bytes(enrol(world.authority, seed, id_, world.client))
    world.config = replace(world.config, receivers=(ReceiverConfig(TILL, path, "memory://new"),))


CHANGES = [remove, renumber, exchange]


@pytest.fixture(params=CHANGES)
async def changed(request: pytest.FixtureRequest, stopped: World) -> AsyncIterator[World]:
    """With a bridge of another configuration than when a sale was posted."""
    async with stopped.bridge():
        await stopped.posted()
    request.param(stopped)
    async with stopped.bridge():
        yield stopped


async def rows(world: World, path: str) -> dict[tuple[int, str], dict[str, Any]]:
    """By till and receiver."""
    status, answer = await world.call("GET", path)
    assert status == 200, answer
    return {(row["till"], row["receiver_id"]): row for row in answer["receivers"]}


@pytest.mark.parametrize("change", CHANGES)
async def test_offline_purchases_are_posted_all_the_same(allowed: World, change: Any) -> None:
    async with allowed.bridge():
        await alone(allowed)
        for sale_id in (SALE, NEXT):
            assert accepted(await sells(allowed, sale_id))
            await allowed.decide("paid", sale_id)
    known = allowed.transactions()
    change(allowed)
    allowed.authority.faults.clear()
    async with allowed.bridge():
        for sale_id in (SALE, NEXT):
            assert (await allowed.settled(sale_id))["settlement"] == "posted"
    new = {name: state for name, state in allowed.transactions().items() if name not in known}
    assert list(new.values()) == ["POSTED", "POSTED"]


@pytest.mark.parametrize("change", CHANGES)
async def test_what_is_owed_is_confirmed_and_reversed(stopped: World, change: Any) -> None:
    async with stopped.bridge():
        await stopped.owed("paid")
    stopped.authority.faults.clear()
    change(stopped)
    async with stopped.bridge():
        assert (await stopped.settled(SALE))["settlement"] == "posted"


async def test_a_day_lists_the_tills_of_then(changed: World) -> None:
    then = (TILL, evidence.RECEIVER_ID.hex())
    summed = await rows(changed, "/v1/totals")
    assert summed[then]["sums"][0]["posted"] == {"count": 1, "amount": AMOUNT}
    assert not summed[then]["configured"]
    compared = await rows(changed, "/v1/reconciliation")
    assert (compared[then]["matched"], compared[then]["differences"]) == (1, [])
    today = [place for place, row in summed.items() if row["configured"]]
    assert len(today) == 1
    assert summed[today[0]]["sums"] == []
    assert then in await rows(changed, f"/v1/totals?till={TILL}")
    assert then in await rows(changed, f"/v1/reconciliation?till={TILL}")


@pytest.mark.parametrize("change", CHANGES)
async def test_a_lost_journal_and_another_configuration(stopped: World, change: Any) -> None:
    async with stopped.bridge():
        sale = await stopped.approved()
    lose(stopped)
    change(stopped)
    async with stopped.bridge():
        again = await stopped.ended("paid")
        assert (again["settlement"], again["till"]) == ("posted", TILL)
        assert stopped.transactions() == {bytes.fromhex(sale["approval_id"]): "POSTED"}


async def test_a_refund_of_what_was_bought_there(changed: World) -> None:
    await ask(changed)
    assert (await done(changed))["state"] == "refunded"
    again = {"refund_id": "refund-of-too-much", "amount": 1}
    assert (await refused(changed, **again))[:2] == (409, "refund-exceeds")


async def test_the_same_sale_rung_up_again(changed: World) -> None:
    [name] = changed.transactions()
    for more in ({}, {"till": TILL}):
        body = {"sale_id": SALE, "amount": AMOUNT, "currency": "SEK", **more}
        status, again = await changed.call("POST", "/v1/sales", json=body)
        assert (status, again["approval_id"]) == (200, name.hex())


async def test_a_receiver_that_moved_to_another_bridge(stopped: World) -> None:
    """The old bridge still owes: what it began it may end, and nothing else."""
    async with stopped.bridge():
        await stopped.owed("paid")
    stopped.authority.faults.clear()
    other = stopped.authority.ca.client("another bridge")
    enrol(stopped.authority, RECEIVER, evidence.RECEIVER_ID, other)
    async with stopped.bridge():
        assert (await stopped.settled())["settlement"] == "posted"
        [row] = (await rows(stopped, "/v1/reconciliation")).values()
        assert (row["matched"], row["differences"]) == (1, [])


async def test_money_at_tills_that_are_not_configured_is_said(
    stopped: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with stopped.bridge():
        await stopped.owed("paid")
    remove(stopped)
    async with stopped.bridge():
        said = [record for record in caplog.records if "not configured" in record.message]
        assert [record.fields["till"] for record in said] == [TILL]  # type: ignore[attr-defined]
        async with stopped.http.get("/metrics") as answer:
            text = await answer.text()
        assert f'tillsign_unconfigured_amount{{till="{TILL}"}} {AMOUNT}.0' in text
        assert f'tillsign_unconfigured_sales{{till="{TILL}"}} 1.0' in text
