"""What tills say again of a span that the journal lost: sales accepted offline, refunds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.domain import alarms
from bridge.sales import sale_service
from simulator.authority import Fault
from tests.bridge.sales.test_past import exchange, remove, renumber
from tests.bridge.sales.test_rollback import kinds, nothing_is_left
from tests.support.shop.offline_shop import accepted, alone
from tests.support.shop.put_back import copy, lose, put_back, restored
from tests.support.shop.refunding import REFUND, ask, done, given_back, offered
from tests.support.shop.till import AMOUNT, SALE, TILL, World
from tests.support.values import evidence

pytestmark = pytest.mark.usefixtures("noon")


async def test_a_sale_that_the_copy_has_open(allowed: World) -> None:
    """Nothing was asked about it then, and no book knows of it: the till's word is noted."""
    async with allowed.bridge():
        await alone(allowed)
        await allowed.ring_up(SALE, patience_s=1)
        place = copy(allowed)
        await allowed.pay()
        assert (await allowed.sale())["state"] == "unknown"
        assert accepted(await allowed.sale())
        await allowed.decide("paid")
    put_back(allowed, place)
    allowed.authority.faults.clear()
    async with allowed.bridge():
        await allowed.daemon.service.standing.known()
        assert (await allowed.problem("POST", f"/v1/sales/{SALE}/paid"))[:2] == (409, "conflict")
        answer = (await allowed.call("GET", "/v1/reconciliation"))[1]
        [claim] = [one for one in answer["alarms"] if one["kind"] == alarms.UNBACKED]
        assert (claim["sale_id"], claim["amount"]) == (SALE, AMOUNT)


@pytest.mark.parametrize("change", [exchange, renumber, remove])
async def test_a_refund_that_is_asked_for_again(
    stopped: World, change: Callable[[World], None]
) -> None:
    """The authority has it under the receiver of then, and takes it under no other."""
    async with stopped.bridge():
        sale = await stopped.posted()
        place = copy(stopped)
        await ask(stopped)
        first = await done(stopped)
    put_back(stopped, place)
    change(stopped)
    async with stopped.bridge():
        await stopped.daemon.service.standing.known()
        await ask(stopped)
        again = await done(stopped)
        assert (again["state"], again["transaction_id"]) == ("refunded", first["transaction_id"])
        assert given_back(stopped, sale) == AMOUNT
        sums = (await stopped.call("GET", "/v1/totals"))[1]["receivers"]
        [row] = [one for one in sums if one["sums"]]
        assert (row["till"], row["receiver_id"]) == (TILL, evidence.RECEIVER_ID.hex())


async def test_a_refund_by_phone_that_is_asked_for_again(stopped: World) -> None:
    """The buyer has the money back, and is asked for nothing more."""
    async with stopped.bridge():
        sale = await stopped.posted()
        place = copy(stopped)
        await offered(stopped)
        await stopped.pay()
        first = await done(stopped)
    async with restored(stopped, place):
        await stopped.daemon.service.standing.known()
        body = {"refund_id": REFUND, "sale_id": SALE, "amount": AMOUNT, "phone": True}
        status, again = await stopped.call("POST", "/v1/refunds", json=body)
        assert (status, again["approval_id"]) == (200, first["approval_id"])
        assert (await done(stopped))["state"] == "refunded"
        assert given_back(stopped, sale) == AMOUNT


# An older copy in which a sale is not over yet: what the lost span made of it stands.


LOST_REFUND = "refund-of-what-was-lost"


async def sold_after_a_copy_of_its_beginning(world: World) -> None:
    """The copy that is put back has the sale as it waited for a buyer."""
    async with world.bridge():
        await world.ring_up()
        place = copy(world)
        await world.goes_through()
        await world.ended("paid")
    put_back(world, place)


async def test_what_waited_for_a_buyer_and_was_paid_is_paid(stopped: World) -> None:
    await sold_after_a_copy_of_its_beginning(stopped)
    async with stopped.bridge():
        assert (await stopped.settled())["settlement"] == "posted"
        assert (await stopped.decide("paid"))["state"] == "paid"
        assert await kinds(stopped) == {alarms.JOURNAL_BEHIND}


async def test_what_had_ended_before_the_authority_was_heard(
    stopped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The till's word stands for what the authority has, under a name of its own."""
    monkeypatch.setattr(sale_service, "STANDING_S", 0)
    await sold_after_a_copy_of_its_beginning(stopped)
    stopped.break_authority(Fault.FAIL)
    async with stopped.bridge():
        assert (await stopped.settled())["state"] == "cancelled"
        path = f"/v1/sales/{SALE}/paid"
        assert (await stopped.problem("POST", path))[:2] == (503, "authority-away")
        stopped.authority.faults.clear()
        await stopped.daemon.service.standing.known()
        for _ in range(2):
            paid = await stopped.decide("paid")
            assert (paid["state"], paid["amount"]) == ("paid", AMOUNT)
        assert paid["sale_id"] == f"approval-{paid['approval_id']}"
        assert (await stopped.settled(paid["sale_id"]))["settlement"] == "posted"
        await nothing_is_left(stopped)


async def test_nothing_ends_where_no_file_apart_speaks_for_the_journal(stopped: World) -> None:
    """The authority is away, and only it could know better: it is waited for."""
    await sold_after_a_copy_of_its_beginning(stopped)
    stopped.config.position_file.unlink()
    stopped.break_authority(Fault.FAIL)
    async with stopped.bridge():
        assert (await stopped.problem("GET", f"/v1/sales/{SALE}"))[:2] == (503, "recovering")
        assert (await stopped.call("GET", "/healthz"))[1]["journal"] == "recovering"
        stopped.authority.faults.clear()
        await stopped.daemon.service.standing.known()
        assert (await stopped.settled())["settlement"] == "posted"


async def test_what_the_till_knew_to_be_approved_and_paid_is_paid(stopped: World) -> None:
    """No till says it again: the authority has its word already."""
    async with stopped.bridge():
        await stopped.approved()
        place = copy(stopped)
        await stopped.ended("paid")
    async with restored(stopped, place):
        assert (await stopped.settled())["settlement"] == "posted"


async def test_a_refund_brings_back_the_sale_that_it_names(stopped: World) -> None:
    async with stopped.bridge():
        await stopped.posted()
    lose(stopped)
    async with stopped.bridge():
        assert (await ask(stopped, refund_id=LOST_REFUND))["sale_id"] == SALE
        assert (await stopped.settled())["settlement"] == "posted"
        assert (await done(stopped, LOST_REFUND))["state"] == "refunded"
