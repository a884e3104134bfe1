"""Records that the authority refuses to book: each sale has its end, each phone its answer."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

import pytest

from bridge.authority import clock_skew
from bridge.books import books
from bridge.sales import receiver_session, stand_in
from receiver.link import wire
from simulator.authority import Fault
from simulator.crypto.pki import Span
from tests.bridge.observability.test_metrics import scrape
from tests.support.shop.till import TILL, World, outcome
from tests.support.values.clocks import shift

HOUR_S = 3600
AUTHORITY = f"till {TILL}: authority"
NEXT = "sale-of-the-next-buyer"


@pytest.fixture
async def apart(stopped: World) -> World:
    """The bridge's clock is an hour behind: every record looks too old."""
    await sets_its_clock(stopped, HOUR_S)
    return stopped


async def sets_its_clock(world: World, ahead_s: int) -> None:
    """The authority's, beside this terminal's."""
    world.authority._clock = lambda: time.time() + ahead_s
    await world.authority.stop()
    await world.authority.start()


async def test_the_till_hears_at_once_and_the_phone_when_it_asks(apart: World) -> None:
    async with apart.bridge():
        name = await apart.bought()
        assert outcome(await apart.sale()) == ("declined", "clock_wrong")
        assert (await apart.settled())["settlement"] is None
    assert await apart.buyer.ask(name) == {"state": "VOIDED", "receipt": None}


async def test_its_reversal_is_owed_over_a_restart(apart: World) -> None:
    apart.break_authority(Fault.FAIL, "/v1/reversals")
    async with apart.bridge():
        name = await apart.bought()
        sale = await apart.sale()
        assert (sale["state"], sale["settlement"]) == ("declined", "reversing")
    assert name not in apart.transactions()
    apart.authority.faults.clear()
    async with apart.bridge():
        await apart.settled()
    assert apart.transactions()[name] == "VOIDED"


async def test_a_bridge_that_stops_before_the_receivers_word(apart: World) -> None:
    """The authority's no was in the journal, and nobody had been told."""
    async with apart.bridge():
        name = await apart.once_told("declined_awaiting_receiver", apart.handed())
    async with apart.bridge():
        assert (await apart.settled())["state"] == "declined"
    assert apart.transactions()[name] == "VOIDED"


async def test_a_clock_that_is_wrong_is_told_everywhere(
    apart: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bridge.authority.clock_skew")
    async with apart.bridge():
        await apart.device.heard(wire.STATE)
        told = (await apart.call("GET", "/healthz"))[1]["clock_offset_s"]
        assert told == pytest.approx(-HOUR_S, abs=5)
        seen = (await scrape(apart))["tillsign_clock_offset_seconds"]
        assert seen == pytest.approx(-HOUR_S, abs=5)
        await apart.bought()
        assert (await apart.sale())["reason"]["code"] == "clock_wrong"
        found = (await apart.checked())[AUTHORITY]
        assert (found.ok, found.detail.endswith("s behind the authority's")) == (False, True)
        assert "NTP" in found.todo
        await sets_its_clock(apart, 0)
        await apart.posted(NEXT)
        assert (await apart.call("GET", "/healthz"))[1]["clock_offset_s"] == pytest.approx(0, abs=5)
    lines = [it for it in caplog.records if it.name == "bridge.authority.clock_skew"]
    assert [(it.levelname, it.message) for it in lines] == [
        *[("ERROR", "the clock is wrong")] * 2,  # the bridge's, and the check's own
        ("INFO", "the clock is right"),
    ]


async def test_what_a_right_clock_does_not_explain(stopped: World) -> None:
    """A receiver that is far from everybody's time."""
    stopped.device.lies = {"issued": int(time.time()) - HOUR_S}
    async with stopped.bridge():
        await stopped.bought()
        assert (await stopped.sale())["reason"]["code"] == "offer_expired"


HERE = (clock_skew, books, stand_in, receiver_session)  # this terminal


@pytest.mark.parametrize("ahead_s", [-300, -HOUR_S, -20 * 365 * 86_400, 4 * 86_400])
@pytest.mark.parametrize("jumps", [False, True])
async def test_buyers_are_turned_away_by_this_clock(
    ahead_s: int, jumps: bool, stopped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their credentials are not valid yet, or no longer: the cashier hears why."""
    if not jumps:
        shift(monkeypatch, ahead_s, *HERE)
    async with stopped.bridge():
        await stopped.device.heard(wire.STATE)
        if jumps:  # with no answer of the authority since
            shift(monkeypatch, ahead_s, *HERE)
        await stopped.handed(patience_s=1)
        assert outcome(await stopped.sale()) == ("cancelled", "clock_wrong")
        told = (await stopped.call("GET", "/healthz"))[1]
        assert told["clock_offset_s"] == pytest.approx(ahead_s, abs=5)
        assert "the clock is" in told["warnings"][0]


async def test_tls_fails_for_this_clock(stopped: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority's certificate ended yesterday, says a clock that is two days ahead."""
    ended = Span(timedelta(days=-3), timedelta(days=-1))
    server = stopped.authority.ca.server("of-the-day-before", span=ended)
    stopped.authority._clock = lambda: time.time() - 2 * 86_400
    await stopped.authority.stop()
    monkeypatch.setattr(stopped.authority.ca, "server", lambda *_: server)
    await stopped.authority.start()
    async with stopped.bridge():
        await stopped.unanswered(patience_s=2)
        assert outcome(await stopped.sale()) == ("cancelled", "clock_wrong")
        told = (await stopped.call("GET", "/healthz"))[1]["clock_offset_s"]
        assert told == pytest.approx(2 * 86_400, abs=5)
    found = await stopped.checked()
    for what in (AUTHORITY, "clock"):
        assert "ahead of the authority's" in found[what].detail
        assert "NTP" in found[what].todo
