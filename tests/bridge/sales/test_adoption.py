"""A lost journal: what the authority holds comes back with the till's own decision."""

from __future__ import annotations

import time

import pytest

from bridge.sales import lost_sale
from simulator.authority import Fault
from simulator.authority.ledger import ledger
from tests.support.shop.put_back import lose
from tests.support.shop.till import AMOUNT, SALE, World
from tests.support.values.clocks import Clock

NOWHERE = "sale-that-nobody-rang"


async def held(world: World) -> bytes:
    """An approved sale; the bridge's last one before its disk dies."""
    async with world.bridge():
        sale = await world.approved()
    lose(world)
    return bytes.fromhex(sale["approval_id"])


@pytest.mark.parametrize(("wish", "end"), [("paid", "POSTED"), ("cancel", "VOIDED")])
async def test_the_tills_decision_brings_a_sale_back(stopped: World, wish: str, end: str) -> None:
    name = await held(stopped)
    async with stopped.bridge():
        assert (await stopped.sale(wait=0))["state"] == "approved"
        sale = await stopped.decide(wish)
        assert (sale["amount"], sale["approval_id"]) == (AMOUNT, name.hex())
        await stopped.settled()
        assert stopped.transactions() == {name: end}
        assert await stopped.decide(wish) == await stopped.sale(wait=0)


async def test_what_is_posted_was_paid_already(stopped: World) -> None:
    async with stopped.bridge():
        sale = await stopped.posted()
    lose(stopped)
    async with stopped.bridge():
        assert (await stopped.problem("POST", f"/v1/sales/{SALE}/cancel"))[:2] == (409, "conflict")
        again = await stopped.settled()
        assert (again["state"], again["settlement"]) == ("paid", "posted")
        assert again["transaction_id"] == sale["transaction_id"]
        assert list(stopped.transactions().values()) == ["POSTED"]


async def test_what_is_not_held_stays_unknown(stopped: World) -> None:
    await held(stopped)
    async with stopped.bridge():
        for wish in ("paid", "cancel", "abort"):
            path = f"/v1/sales/{NOWHERE}/{wish}"
            assert (await stopped.problem("POST", path))[:2] == (404, "unknown-sale")


async def test_without_the_authority_it_cannot_be_said(stopped: World) -> None:
    name = await held(stopped)
    async with stopped.bridge():
        stopped.break_authority(Fault.FAIL, "/v1/receivers")
        path = f"/v1/sales/{SALE}/paid"
        assert (await stopped.problem("POST", path))[:2] == (503, "authority-away")
        stopped.authority.faults.clear()
        await stopped.ended("paid")
        assert stopped.transactions() == {name: "POSTED"}


# A lost journal whose till speaks days later: as long as the authority's money can still move.


HOUR_S = 3600
DAY_S = 24 * HOUR_S
HOURS = 5  # some, on either side of the week


def test_the_bridge_looks_back_further_than_the_authority_holds() -> None:
    """By a day: a till that was closed over night, and the two clocks."""
    assert lost_sale.BACK_S >= ledger.EXPIRE_AFTER_S + DAY_S


@pytest.mark.parametrize(
    ("later_s", "state"),
    [
        (ledger.EXPIRE_AFTER_S - HOURS * HOUR_S, "PENDING"),
        (ledger.EXPIRE_AFTER_S + HOURS * HOUR_S, "EXPIRED"),
        (-HOURS * HOUR_S, "PENDING"),
    ],
    ids=["six days", "seven days", "a clock set back"],
)
@pytest.mark.parametrize(("wish", "end"), [("paid", "POSTED"), ("cancel", "VOIDED")])
async def test_the_decision_comes_after_days(
    stopped: World,
    monkeypatch: pytest.MonkeyPatch,
    *,
    later_s: int,
    state: str,
    wish: str,
    end: str,
) -> None:
    name = await held(stopped)
    now = time.time() + later_s
    ledger.sweep(stopped.authority.office.store, int(now))
    assert stopped.transactions() == {name: state}
    clock = Clock()
    clock.read = lambda: now
    clock.install(monkeypatch)
    async with stopped.bridge():
        sale = await stopped.decide(wish)
        assert (sale["sale_id"], sale["amount"], sale["approval_id"]) == (SALE, AMOUNT, name.hex())
        await stopped.settled()
        assert stopped.transactions() == {name: end}
