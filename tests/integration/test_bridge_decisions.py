"""What the till decides, and when: the first decision wins, and all that follows is owed."""

from __future__ import annotations

import pytest

from receiver import reasons
from simulator.authority import Fault
from tests.integration.till_world import World


@pytest.mark.parametrize("wish", ["cancel", "abort"])
async def test_the_cashier_stops_while_the_authority_is_asked(world: World, wish: str) -> None:
    """A definite answer at once: the reversal is in the journal before the till hears."""
    async with world.watching() as told:
        await world.ring()
        await world.device.offered()
        name = world.hand()
        await told("granted")
        world.authority.faults.fault = Fault.FAIL
        sale = await world.decide(wish)
        assert (sale["state"], sale["reason"]["code"]) == ("cancelled", "cashier_cancelled")
        assert sale["settlement"] == "reversing"
        assert world.transactions() == {name: "PENDING"}
        world.device.judge(name)  # too late
        world.authority.faults.clear()
        assert await told("reversed") == sale | {"settlement": "reversed"}
    assert world.transactions() == {name: "VOIDED"}


async def test_the_cashier_stops_while_a_reversal_is_owed(world: World) -> None:
    async with world.watching() as told:
        await world.ring()
        await world.device.offered()
        name = world.hand()
        await told("granted")
        world.authority.faults.fault = Fault.FAIL
        world.device.judge(name, reasons.BAD_SIGNATURE)
        await told("recalled")
        sale = await world.decide("cancel")
        assert (sale["reason"]["code"], sale["settlement"]) == ("cashier_cancelled", "reversing")
        assert world.transactions() == {name: "PENDING"}
        world.authority.faults.clear()
        assert await told("returned") == sale | {"settlement": "reversed"}
    assert world.transactions() == {name: "VOIDED"}


async def test_a_sale_that_was_asked_about_is_cancelled_at_once(world: World) -> None:
    """Without a word from the authority, which hears of the reversal before anything else."""
    world.authority.faults.fault = Fault.SILENT
    async with world.watching() as told:
        await world.ring()
        await world.device.offered()
        name = await world.pay()
        await told("asked")
        sale = await world.decide("cancel")
        assert (sale["state"], sale["settlement"]) == ("cancelled", "reversing")
        world.authority.faults.clear()
        await told("reversed")
    assert world.transactions() == {name: "VOIDED"}
