"""Accepted offline in a span that the journal lost: known to the till alone, and named."""

from __future__ import annotations

import pytest

from bridge.money import alarms
from tests.integration.offline_shop import accepted, alone
from tests.integration.put_back import copy, put_back
from tests.integration.till_world import AMOUNT, SALE, World

pytestmark = pytest.mark.usefixtures("noon")


async def test_a_sale_that_the_copy_has_open(allowed: World) -> None:
    """Nothing was asked about it then, and nothing is known of it elsewhere: the till's word is."""
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
