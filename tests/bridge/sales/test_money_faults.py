"""Faults of authority and clock between a till's decision and its end: no money goes astray."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from bridge.books import books
from bridge.sales import lost_sale, receiver_session, stand_in
from simulator.authority import Fault
from simulator.authority.api import operations, requests
from simulator.authority.ledger import ledger
from tests.support.bridge.device import PATIENCE_S
from tests.support.shop.money import Paper, ends, sells
from tests.support.shop.refunding import ask, done
from tests.support.shop.till import World
from tests.support.values.clocks import shift

NEXT = "sale-of-the-next-buyer"
CONFIRMATIONS, REVERSALS = "/v1/confirmations", "/v1/reversals"
HOUR_S = 3600

decisions = pytest.mark.parametrize(
    ("wish", "path", "end"),
    [("paid", CONFIRMATIONS, "posted"), ("cancel", REVERSALS, "reversed")],
    ids=["paid", "cancelled"],
)


# The authority.


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
@decisions
async def test_the_authority_does_not_answer_a_decision(
    paper: Paper, world: World, *, fault: Fault, wish: str, path: str, end: str
) -> None:
    """Told again until it does; whatever it did the first time, it does once."""
    await world.approved()
    world.break_authority(fault, path, times=1)
    assert (await ends(world, paper, wish))["settlement"] == end
    assert world.authority.faults.times == 0


@decisions
async def test_the_authority_is_away_when_the_till_decides(
    stopped: World, paper: Paper, wish: str, path: str, end: str
) -> None:
    """And still when the bridge has come back; the next buyer does not wait for it."""
    async with stopped.bridge():
        await stopped.approved()
        await stopped.authority.stop()
        await stopped.decide(wish)
    async with stopped.bridge():
        await stopped.ring_up(NEXT)
        await stopped.authority.start()
        assert (await ends(stopped, paper))["settlement"] == end
        await stopped.goes_through(NEXT)
        await ends(stopped, paper, "paid", NEXT)


@decisions
async def test_the_authority_goes_while_it_hears_a_decision(
    stopped: World, paper: Paper, monkeypatch: pytest.MonkeyPatch, *, wish: str, path: str, end: str
) -> None:
    """It has done it, and nobody heard: done again by both after they came back."""
    done = results(monkeypatch, {"paid": "confirm", "cancel": "reverse"}[wish])
    async with stopped.bridge():
        await stopped.approved()
        stopped.break_authority(Fault.DROP, path)
        await stopped.decide(wish)
        await asyncio.wait_for(done.get(), PATIENCE_S)
        await stopped.authority.stop()
    stopped.authority.faults.clear()
    await stopped.authority.start()
    async with stopped.bridge():
        assert (await ends(stopped, paper))["settlement"] == end


def results(monkeypatch: pytest.MonkeyPatch, name: str) -> asyncio.Queue[Any]:
    """What this call of the ledger comes to, each time, whether anybody waits for it or not."""
    told: asyncio.Queue[Any] = asyncio.Queue()
    call = getattr(ledger, name)

    def calling(*arguments: Any) -> Any:
        result = call(*arguments)
        told.put_nowait(result)
        return result

    monkeypatch.setattr(ledger, name, calling)
    return told


async def test_an_authority_that_is_slower_than_the_till_is_patient(
    stopped: World, paper: Paper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reversal overtakes the authorisation, which then holds nothing."""
    taken, looked = slow_office(monkeypatch), results(monkeypatch, "authorise")
    async with stopped.bridge():
        name = await stopped.bought(patience_s=1)
        assert (await ends(stopped, paper))["settlement"] == "reversed"
        taken.set()
        await asyncio.wait_for(looked.get(), PATIENCE_S)
        assert stopped.transactions() == {name: "VOIDED"}
        await sells(stopped, paper, NEXT)


def slow_office(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """The authority takes records at once, and looks at none before the event is set."""
    taken = asyncio.Event()

    async def read(request: web.Request, content_type: str, most: int) -> bytes:
        data = await requests.octets_body(request, content_type, most)
        await taken.wait()
        return data

    monkeypatch.setattr(operations, "octets_body", read)
    return taken


async def test_a_refund_while_everything_fails_once(paper: Paper, world: World) -> None:
    paper.keep(await world.posted())
    for number, fault in enumerate(Fault):
        world.break_authority(fault, "/v1/refunds", times=1)
        refund_id = f"refund-number-{number:04}"
        await ask(world, refund_id=refund_id, amount=1_000 + number)
        refund = await done(world, refund_id)
        assert (refund["state"], world.authority.faults.times) == ("refunded", 0)
        paper.keep_refund(refund)


# The bridge's clock.


BRIDGE = (lost_sale, books, stand_in, receiver_session)
jumps = pytest.mark.parametrize("ahead_s", [HOUR_S, -HOUR_S], ids=["ahead", "back"])


@jumps
async def test_the_clock_jumps_before_the_approval(
    stopped: World, paper: Paper, monkeypatch: pytest.MonkeyPatch, ahead_s: int
) -> None:
    """The authority does not believe the time, and holds nothing; with a good clock it sells."""
    async with stopped.bridge():
        await stopped.ring_up(patience_s=2)
        with monkeypatch.context() as wrong:
            shift(wrong, ahead_s, *BRIDGE)
            await stopped.pay()
            assert (await ends(stopped, paper))["state"] in ("declined", "cancelled")
        await sells(stopped, paper, NEXT)


@jumps
@decisions
async def test_the_clock_jumps_before_the_decision(
    stopped: World,
    paper: Paper,
    monkeypatch: pytest.MonkeyPatch,
    *,
    ahead_s: int,
    wish: str,
    path: str,
    end: str,
) -> None:
    async with stopped.bridge():
        await stopped.approved()
        shift(monkeypatch, ahead_s, *BRIDGE)
        assert (await ends(stopped, paper, wish))["settlement"] == end


@jumps
@decisions
async def test_the_clock_jumps_with_a_decision_owed(
    stopped: World,
    paper: Paper,
    monkeypatch: pytest.MonkeyPatch,
    *,
    ahead_s: int,
    wish: str,
    path: str,
    end: str,
) -> None:
    """And the bridge restarts under the wrong time: order is the order of the journal."""
    async with stopped.bridge():
        await stopped.approved()
        stopped.break_authority(Fault.FAIL, path)
        await stopped.decide(wish)
    shift(monkeypatch, ahead_s, *BRIDGE)
    stopped.authority.faults.clear()
    async with stopped.bridge():
        assert (await ends(stopped, paper))["settlement"] == end
