"""The back office: whether the books of bridge and authority agree."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.authority.client import AuthorityClient
from simulator.authority import Fault
from tests.support.shop.reconciling import reconciled
from tests.support.shop.refunding import ask, done
from tests.support.shop.till import AMOUNT, SALE, World
from tests.support.values import evidence

NEXT = "sale-of-the-next-buyer"
THIRD = "sale-of-the-third-one"

pytestmark = pytest.mark.usefixtures("noon")


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
