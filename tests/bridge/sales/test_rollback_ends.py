"""An older copy in which a sale is not over yet: what the lost span made of it stands."""

from __future__ import annotations

import pytest

from bridge.domain import alarms
from bridge.sales import sale_service
from simulator.authority import Fault
from tests.bridge.sales.test_rollback import kinds, nothing_is_left
from tests.support.shop.put_back import copy, lose, put_back
from tests.support.shop.till import AMOUNT, SALE, World

REFUND = "refund-of-what-was-lost"

pytestmark = pytest.mark.usefixtures("noon")


async def sold_after_a_copy_of_its_beginning(world: World) -> None:
    """The copy that is put back has the sale as it waited for a buyer."""
    async with world.bridge():
        await world.ring()
        await world.device.offered()
        place = copy(world)
        await world.pay()
        assert (await world.sale())["state"] == "approved"
        await world.decide("paid")
        await world.settled()
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
        await stopped.decide("paid")
        await stopped.settled()
    put_back(stopped, place)
    async with stopped.bridge():
        assert (await stopped.settled())["settlement"] == "posted"


async def test_a_refund_brings_back_the_sale_that_it_names(stopped: World) -> None:
    async with stopped.bridge():
        await stopped.posted()
    lose(stopped)
    async with stopped.bridge():
        body = {"refund_id": REFUND, "sale_id": SALE, "amount": AMOUNT}
        status, refund = await stopped.call("POST", "/v1/refunds", json=body)
        assert (status, refund["sale_id"]) == (201, SALE)
        assert (await stopped.settled())["settlement"] == "posted"
        waiting, books = stopped.daemon.service.books.waiting, stopped.daemon.service.books
        known = books.find(REFUND)
        assert known is not None
        assert await waiting.final(known, 5)
        status, refund = await stopped.call("GET", f"/v1/refunds/{REFUND}")
        assert (status, refund["state"]) == (200, "refunded")
