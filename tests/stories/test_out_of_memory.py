"""A board whose memory fails: at any moment of a sale, and in every size of pool."""

from __future__ import annotations

import asyncio

import pytest

from simulator.phone.app.app import PhoneApp
from simulator.phone.app.buyer import Buyer
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.world.receiver_command import Chip
from simulator.world.world import Settings, World
from tests.support.world.checkout import PRICE, Checkout, checkout

pytestmark = pytest.mark.usefixtures("machine")

# Every 20 kB from what is just too little to what MicroPython takes at once.
POOLS = [
    *(Chip((size,), frozen=False) for size in range(80_000, 160_001, 20_000)),
    Chip((66_000,), frozen=True),
]
SAFE_S = 30  # to the third start that fails, and to HELLO of the safe mode
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


async def _fault(world: World) -> str | None:
    """What the receiver's HELLO says is wrong with it; earlier lives may have said hello too."""
    hello = (await world.till.receivers())[0]["hello"]
    return hello["fault"]["code"] if hello and hello["fault"] else None


@pytest.mark.parametrize("chip", POOLS, ids=lambda chip: f"{chip.pool[0]} frozen {chip.frozen}")
async def test_a_board_without_memory_says_so_and_sells_nothing(chip: Chip) -> None:
    """Never a boot loop without a word, in whatever memory MicroPython itself still starts."""
    async with World(Settings(rate=0, chip=chip)) as world, world.till.watch() as events:
        async with asyncio.timeout(SAFE_S):
            while (fault := await _fault(world)) is None:
                await anext(events)
        assert fault == "out_of_memory"
        sale = await world.till.ring_up(PRICE, patience_s=PATIENCE_S)
        final = await world.till.outcome(sale["sale_id"])
        assert (final["state"], final["reason"]["code"]) == ("declined", "out_of_memory")
