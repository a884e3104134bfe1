"""A board whose memory fails: in a sale, a renewal, a burst of logs, and every size of pool."""

from __future__ import annotations

import asyncio

import pytest

from simulator.phone.app.app import PhoneApp
from simulator.phone.app.buyer import Buyer
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.tools.chip.lives import FOUR, LOGS, RENEWAL, SALE, Failure, Lives
from simulator.world.receiver_command import Chip
from simulator.world.world import Settings, World
from tests.support.world.checkout import PRICE

pytestmark = pytest.mark.usefixtures("machine")

# Every 20 kB from what is just too little to what MicroPython takes at once.
POOLS = [
    *(Chip((size,), frozen=False) for size in range(80_000, 140_001, 20_000)),
    Chip((54_000,), frozen=True),
]
SERVICE_S = 30  # to the third start that fails, and to HELLO of service mode
PATIENCE_S = 10  # of the till
# How many sites that allocate pass before the one that fails: a sale comes to some 700.
PASSING = {SALE: (0, 200, 400, 550), FOUR: (150, 300, 450), RENEWAL: (40, 80, 160), LOGS: (90, 240)}


@pytest.mark.long
async def test_an_allocation_fails_and_all_agree_on_the_money() -> None:
    """The board starts anew; what a buyer has approved is paid once, or not at all.

    `python -m simulator.tools.chip.failing` does so at every site.
    """
    known: set[int] = set()
    async with Lives() as lives:
        for story, places in PASSING.items():
            for passing in places:
                life = await lives.live(story, Failure(passing=passing, known=known))
                assert not life.wrong, life
                assert life.site is not None, life
                known.add(life.site.key)
        await _pay_unseen(lives.world)
        life = await lives.live(SALE, Failure(known=known))
        assert "the authority has" in life.wrong


async def _pay_unseen(world: World) -> None:
    """Sell without the knowledge of `Lives`, which must miss that sale at its till."""
    sale = await world.till.ring_up(PRICE)
    async with phone_radio(world.radio.phones) as radio:
        await PhoneApp(await world.new_wallet(), radio).buy(Buyer())
    assert (await world.till.outcome(sale["sale_id"]))["state"] == "approved"


async def _fault(world: World) -> str | None:
    """What the receiver's HELLO says is wrong with it; earlier lives may have said hello too."""
    hello = (await world.till.receivers())[0]["hello"]
    return hello["fault"]["code"] if hello and hello["fault"] else None


@pytest.mark.parametrize("chip", POOLS, ids=lambda chip: f"{chip.pool[0]} frozen {chip.frozen}")
async def test_a_board_without_memory_says_so_and_sells_nothing(chip: Chip) -> None:
    """Never a boot loop without a word, in whatever memory MicroPython itself still starts."""
    async with World(Settings(rate=0, chip=chip)) as world, world.till.watch() as events:
        async with asyncio.timeout(SERVICE_S):
            while (fault := await _fault(world)) is None:
                await anext(events)
        assert fault == "out_of_memory"
        sale = await world.till.ring_up(PRICE, patience_s=PATIENCE_S)
        final = await world.till.outcome(sale["sale_id"])
        assert (final["state"], final["reason"]["code"]) == ("declined", "out_of_memory")
