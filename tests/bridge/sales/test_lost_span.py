"""What tills say again of a span that the journal lost: sales accepted offline, refunds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.domain import alarms
from tests.bridge.sales.test_past import exchange, remove, renumber
from tests.support.shop.offline_shop import accepted, alone
from tests.support.shop.put_back import copy, put_back
from tests.support.shop.refunding import REFUND, ask, done, given_back
from tests.support.shop.till import AMOUNT, SALE, TILL, World
from tests.support.values import evidence

pytestmark = pytest.mark.usefixtures("noon")


async def test_a_sale_that_the_copy_has_open(allowed: World) -> None:
    """Nothing was asked about it then, and no book knows of it: the till's word is noted."""
    async with allowed.bridge():
        await alone(allowed)
        await allowed.ring(SALE, patience_s=1)
        await allowed.device.offered()
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
        await ask(stopped, phone=True)
        await stopped.device.offered()
        await stopped.pay()
        first = await done(stopped)
    put_back(stopped, place)
    async with stopped.bridge():
        await stopped.daemon.service.standing.known()
        body = {"refund_id": REFUND, "sale_id": SALE, "amount": AMOUNT, "phone": True}
        status, again = await stopped.call("POST", "/v1/refunds", json=body)
        assert (status, again["approval_id"]) == (200, first["approval_id"])
        assert (await done(stopped))["state"] == "refunded"
        assert given_back(stopped, sale) == AMOUNT
