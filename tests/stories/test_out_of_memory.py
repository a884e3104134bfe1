"""A board whose memory fails: at any moment of a sale, and in every size of pool."""

from __future__ import annotations

import asyncio

import pytest

from simulator.phone.app.app import PhoneApp
from simulator.phone.app.buyer import Buyer
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.world.receiver_command import Chip
from simulator.world.world import Settings
from tests.support.world.checkout import PRICE, Checkout, checkout

pytestmark = pytest.mark.usefixtures("machine")

PATIENCE_S = 10  # of the till, and then of the phone for the authority's word


async def _sold(till: Checkout) -> tuple[str, str]:
    """How a sale ended at the till and for a phone that comes again as long as it may."""
    sale = await till.world.till.ring_up(PRICE, patience_s=PATIENCE_S)
    async with phone_radio(till.world.radio.phones) as radio:
        phone = PhoneApp(till.wallet, radio, ask_ms=PATIENCE_S * 1000)
        visit = asyncio.create_task(phone.buy(Buyer(), patience_s=PATIENCE_S))
        final = await till.world.till.outcome(sale["sale_id"])
        outcome = await visit
    return str(final["state"]), outcome.result


# From the first allocation after HELLO to those of the result: a sale makes some 8,000.
@pytest.mark.parametrize("number", [1, 700, 3_000, 5_000, 6_500, 8_000, 9_500, 11_000])
async def test_an_allocation_fails_and_all_agree_on_the_money(number: int) -> None:
    """The board starts anew; what the buyer has approved is paid once, or not at all."""
    async with checkout(Settings(rate=0, chip=Chip(fail_at=number))) as till:
        till.begin()
        state, seen = await _sold(till)
        booked = list(till.new_transactions().values())
        if state == "approved":
            assert booked == ["PENDING"]
            assert seen in ("approved", "unknown")
        else:
            assert state == "cancelled"
            assert booked in ([], ["VOIDED"])
            assert seen != "approved"
