"""Records that the authority refuses to book: each sale has its end, each phone its answer."""

from __future__ import annotations

import time

import pytest

from simulator.authority import Fault
from tests.integration.till_world import World

HOUR_S = 3600


@pytest.fixture
async def apart(stopped: World) -> World:
    """The clocks of authority and bridge are an hour apart: every record looks too old."""
    stopped.authority._clock = lambda: time.time() + HOUR_S
    await stopped.authority.stop()
    await stopped.authority.start()
    return stopped


async def test_the_till_hears_at_once_and_the_phone_when_it_asks(apart: World) -> None:
    async with apart.bridge():
        await apart.ring()
        await apart.device.offered()
        name = await apart.pay()
        sale = await apart.sale()
        assert (sale["state"], sale["reason"]["code"]) == ("declined", "offer_expired")
        assert (await apart.settled())["settlement"] is None
    assert await apart.buyer.ask(name) == {"state": "VOIDED", "receipt": None}


async def test_its_reversal_is_owed_over_a_restart(apart: World) -> None:
    apart.break_authority(Fault.FAIL, "/v1/reversals")
    async with apart.bridge():
        await apart.ring()
        await apart.device.offered()
        name = await apart.pay()
        sale = await apart.sale()
        assert (sale["state"], sale["settlement"]) == ("declined", "reversing")
    assert name not in apart.transactions()
    apart.authority.faults.clear()
    async with apart.bridge():
        await apart.settled()
    assert apart.transactions()[name] == "VOIDED"


async def test_a_bridge_that_stops_before_the_receivers_word(apart: World) -> None:
    """The authority's no was in the journal, and nobody had been told."""
    async with apart.bridge(), apart.watching() as told:
        await apart.ring()
        await apart.device.offered()
        name = apart.hand()
        await told("withheld")
    async with apart.bridge():
        assert (await apart.settled())["state"] == "declined"
    assert apart.transactions()[name] == "VOIDED"
