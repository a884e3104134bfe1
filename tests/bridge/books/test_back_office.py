"""The back office: days, what is open and owed, and whether bridge and authority agree."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.authority.client import AuthorityClient
from simulator.authority import Fault
from tests.support.shop.money import reconciled
from tests.support.shop.refunding import REFUND, ask, done
from tests.support.shop.till import AMOUNT, OVER_LIMIT, SALE, TILL, World
from tests.support.values import evidence

NEXT = "sale-of-the-next-buyer"
THIRD = "sale-of-the-third-one"
OTHER = 4  # another till
NOTHING = {"count": 0, "amount": 0}

pytestmark = pytest.mark.usefixtures("noon")


async def totals(world: World, query: str = "") -> list[dict[str, Any]]:
    status, answer = await world.call("GET", f"/v1/totals{query}")
    assert (status, answer["day"]) == (200, query.partition("day=")[2] or str(date.today()))
    rows: list[dict[str, Any]] = answer["receivers"]
    return rows


async def sums(world: World) -> dict[str, Any]:
    """Of the first receiver's one currency, as far as they are not zero."""
    found: dict[str, Any] = {}
    for of_currency in (await totals(world, f"?till={TILL}"))[0]["sums"]:
        assert of_currency.pop("currency") == "SEK"
        found |= {name: value for name, value in of_currency.items() if value not in (0, NOTHING)}
    return found


def one(amount: int = AMOUNT) -> dict[str, int]:
    return {"count": 1, "amount": amount}


# Totals


async def test_a_day_with_everything_in_it(world: World) -> None:
    assert (await totals(world))[0]["sums"] == []
    await world.ring()
    assert await sums(world) == {}  # nothing is decided about it
    await world.decide("cancel")
    assert await sums(world) == {"cancelled": one()}
    await world.approved("sale-undecided-yet")
    await world.posted("sale-that-is-paid")
    await ask(world, sale_id="sale-that-is-paid", amount=100)
    await done(world)
    await world.ring_up("sale-that-is-dear", amount=OVER_LIMIT, patience_s=1)
    world.hand()
    await world.settled("sale-that-is-dear")
    lost = await world.approved("sale-that-is-lost")
    await world.reverse_behind_its_back(bytes.fromhex(lost["approval_id"]))
    await world.decide("paid", "sale-that-is-lost")
    await world.settled("sale-that-is-lost")
    await world.approved("sale-that-is-owed")
    world.break_authority(Fault.FAIL)
    await world.decide("paid", "sale-that-is-owed")
    assert await sums(world) == {
        "paid": {"count": 3, "amount": 3 * AMOUNT},
        "posted": one(),
        "owed": one(),
        "liability": one(),
        "refunded": one(100),
        "net": 3 * AMOUNT - 100,
        "undecided": one(),
        "cancelled": one(),
        "declined": one(OVER_LIMIT),
    }


async def test_a_day_is_the_same_from_memory_journal_and_archive(stopped: World) -> None:
    async with stopped.bridge():
        await stopped.posted()
        await ask(stopped, amount=100)
        await done(stopped)
        before = await totals(stopped)
    async with stopped.bridge():
        assert await totals(stopped) == before
        stopped.daemon.service.books._journal.archive(set())
        assert await totals(stopped) == before
    async with stopped.bridge():
        assert await totals(stopped) == before


async def test_a_sale_counts_on_one_day(world: World) -> None:
    await world.posted()
    for apart, counted in ((-1, False), (0, True), (1, False)):
        day = date.today() + timedelta(days=apart)
        [row] = await totals(world, f"?day={day}")
        assert bool(row["sums"]) is counted


async def test_each_receiver_has_its_own(stopped: World) -> None:
    first, second = stopped.device, stopped.add_receiver(OTHER)
    async with stopped.bridge():
        await stopped.posted(till=TILL)
        stopped.device, stopped.buyer.certificate = second, second.certificate
        rung = await stopped.approved(NEXT, till=OTHER, amount=100)
        assert rung["till"] == OTHER
        paid = {row["till"]: row["sums"][0]["paid"] for row in await totals(stopped)}
        assert paid == {TILL: one(), OTHER: NOTHING}
        [row] = await totals(stopped, f"?till={OTHER}")
        assert row["sums"][0]["undecided"] == one(100)
        assert row["receiver_id"] == OTHER.to_bytes(8, "big").hex()
        assert await reconciled(stopped) == {"matched": 1, "differences": []}
        for till, found in ((TILL, []), (OTHER, [NEXT])):
            open_ = (await stopped.call("GET", f"/v1/sales?till={till}"))[1]["sales"]
            assert [sale["sale_id"] for sale in open_] == found
    assert first is not second


async def test_a_bridge_with_two_tills_wants_to_know_which(stopped: World) -> None:
    stopped.add_receiver(OTHER)
    async with stopped.bridge():
        body = {"sale_id": SALE, "amount": 1, "currency": "SEK"}
        assert (await stopped.problem("POST", "/v1/sales", json=body))[:2] == (404, "unknown-till")
        await stopped.ring(till=OTHER)
        await stopped.ring(NEXT, till=TILL)  # each till its own sale
        status, kind, _ = await stopped.problem("POST", "/v1/sales", json=body | {"till": TILL})
        assert (status, kind) == (409, "conflict")


@pytest.mark.parametrize("path", ["totals", "reconciliation"])
@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("day=2026-13-01", 400),
        ("day=today", 400),
        ("day=2026-W47-1", 400),
        ("day=20261122", 400),
        ("day=2026-11-22T00:00", 400),
        ("day=1999-12-31", 400),
        ("day=2100-01-01", 400),
        ("day=2026-02-29", 400),
        ("day=", 400),
        ("till=0", 400),
        ("till=x", 400),
        ("month=11", 400),
        ("till=99", 404),
    ],
)
async def test_what_is_no_day(world: World, path: str, query: str, status: int) -> None:
    assert (await world.problem("GET", f"/v1/{path}?{query}"))[0] == status


@pytest.mark.parametrize("day", ["2000-01-01", "2099-12-31"])
async def test_a_day_without_sales(world: World, day: str) -> None:
    assert (await totals(world, f"?day={day}"))[0]["sums"] == []
    assert await reconciled(world, f"?day={day}") == {"matched": 0, "differences": []}


# What is open and what is owed


async def test_every_sale_with_something_left_to_happen(world: World) -> None:
    listed = []
    for sale_id in (SALE, NEXT, THIRD):
        await world.approved(sale_id)
        listed.append(sale_id)
        open_ = (await world.call("GET", "/v1/sales"))[1]["sales"]
        assert [sale["sale_id"] for sale in open_] == listed
    await world.decide("paid", SALE)
    await world.settled(SALE)
    world.break_authority(Fault.FAIL)
    await world.decide("cancel", NEXT)  # over for the till, and owed still
    open_ = (await world.call("GET", "/v1/sales"))[1]["sales"]
    assert [(sale["sale_id"], sale["state"]) for sale in open_] == [
        (NEXT, "cancelled"),
        (THIRD, "approved"),
    ]
    outbox = (await world.call("GET", "/v1/outbox"))[1]
    assert (outbox["depth"], outbox["unsent"]) == (1, [])
    assert outbox["oldest_s"] >= 0


async def test_send_now(world: World) -> None:
    """What is owed is tried at once, not when its pause is over."""
    await world.posted()
    world.break_authority(Fault.FAIL)
    world.daemon.service.outbox._hurry.clear()
    await ask(world)
    async with world.watching() as told:
        status, outbox = await world.call("POST", "/v1/outbox/send")
        assert (status, outbox["depth"]) == (200, 1)
        world.authority.faults.clear()
        await world.call("POST", "/v1/outbox/send", json={})
        await told("posted")
    outbox = (await world.call("GET", "/v1/outbox"))[1]
    assert outbox == {"depth": 0, "oldest_s": 0, "unsent": []}
    assert (await done(world, REFUND))["state"] == "refunded"
    assert (await world.problem("POST", "/v1/outbox/send", json={"now": 1}))[0] == 400


# The back office: whether the books of bridge and authority agree.


async def test_books_that_agree(world: World) -> None:
    await world.posted()
    await ask(world, amount=100)
    await done(world)
    await world.approved(NEXT)  # held, and nobody's yet
    await world.ring(THIRD)
    await world.decide("cancel", THIRD)
    assert await reconciled(world) == {"matched": 2, "differences": []}


async def _confirms(world: World, sale: dict[str, Any]) -> None:
    """The authority posts what the till has not decided."""
    async with AuthorityClient(world.config.authority) as client:
        await client.confirm(bytes.fromhex(sale["approval_id"]), evidence.RECEIVER_ID)


async def _keeps(world: World, sale: dict[str, Any]) -> None:
    """It does not post what is paid."""
    world.break_authority(Fault.FAIL, "/v1/confirmations")
    await world.decide("paid")


async def _gives_back(world: World, sale: dict[str, Any]) -> None:
    await world.reverse_behind_its_back(bytes.fromhex(sale["approval_id"]))
    await world.decide("paid")
    await world.settled()


async def _counts_otherwise(world: World, sale: dict[str, Any]) -> None:
    store = world.authority.office.store
    store.run("UPDATE transactions SET amount = amount - 1")


async def _has_lost_it(world: World, sale: dict[str, Any]) -> None:
    """What was confirmed is not in its books any more."""
    await world.decide("paid")
    await world.settled()
    store = world.authority.office.store
    store.run("DELETE FROM transactions")


@pytest.mark.parametrize(
    ("does", "kind", "here", "there", "amount"),
    [
        (_confirms, "posted_unpaid", "till_notified", "POSTED", AMOUNT),
        (_keeps, "not_posted", "paid", "PENDING", AMOUNT),
        (_gives_back, "not_posted", "liability", "VOIDED", AMOUNT),
        (_counts_otherwise, "amount", "till_notified", "PENDING", AMOUNT - 1),
        (_has_lost_it, "not_posted", "posted", None, None),
    ],
)
async def test_books_that_differ(
    world: World,
    does: Callable[[World, dict[str, Any]], Awaitable[None]],
    *,
    kind: str,
    here: str,
    there: str | None,
    amount: int | None,
) -> None:
    sale = await world.approved()
    await does(world, sale)
    expected = {
        "kind": kind,
        "approval_id": sale["approval_id"],
        "sale_id": SALE,
        "here": here,
        "there": there,
        "amount_here": AMOUNT,
        "amount_there": amount,
    }
    assert await reconciled(world) == {"matched": 0, "differences": [expected]}


async def test_what_this_journal_never_saw(stopped: World) -> None:
    async with stopped.bridge():
        sale = await stopped.approved()
    lost = stopped.config.journal.with_name("another.sqlite")
    stopped.config = replace(stopped.config, journal=lost)
    async with stopped.bridge():
        [difference] = (await reconciled(stopped))["differences"]
    assert (difference["kind"], difference["approval_id"]) == ("unknown_here", sale["approval_id"])
    assert (difference["here"], difference["there"]) == (None, "PENDING")
    assert (difference["sale_id"], difference["amount_here"]) == (None, None)
    assert difference["amount_there"] == AMOUNT


async def test_without_the_authority(world: World) -> None:
    world.break_authority(Fault.FAIL, "/v1/receivers")
    answer = await world.problem("GET", "/v1/reconciliation")
    assert answer[:2] == (503, "authority-away")
