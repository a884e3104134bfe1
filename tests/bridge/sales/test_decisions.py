"""What the till decides, and when: the first decision wins, and all that follows is owed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp
import pytest

from bridge.domain import controller
from receiver import reasons
from receiver.host.display import DISPLAYS
from receiver.link import wire
from simulator.authority import Fault
from tests.support.shop.till import AMOUNT, OVER_LIMIT, SALE, World, outcome

NEXT = "sale-of-the-next-buyer"
AUTHORISATIONS = "/v1/authorisations"


async def test_what_is_paid_is_posted(world: World) -> None:
    space = world.credit_space()
    sale = await world.approved()
    name = bytes.fromhex(sale["approval_id"])
    assert (sale["settlement"], world.transactions()) == (None, {name: "PENDING"})
    world.break_authority(Fault.FAIL, "/v1/confirmations")
    paid = sale | {"state": "paid", "display": DISPLAYS[False, "paid"]._asdict()}
    assert await world.decide("paid") == paid | {"settlement": "owed"}
    world.authority.faults.clear()
    assert await world.settled() == paid | {"settlement": "posted"}
    assert (world.transactions(), world.credit_space()) == ({name: "POSTED"}, space - AMOUNT)


# How a sale comes to be where the cashier stops it.


async def _open(world: World) -> None:
    await world.ring()


async def _offered(world: World) -> None:
    await world.ring_up()


async def _claimed(world: World) -> None:
    async with world.watching() as told:
        await _offered(world)
        world.device.present(world.buyer.credential)
        await told("claimed")


async def _asked(world: World) -> None:
    world.break_authority(Fault.SILENT, AUTHORISATIONS)
    await world.once_told("authorisation_sent", world.handed())


async def _silent(world: World) -> None:
    world.break_authority(Fault.FAIL, AUTHORISATIONS)
    await world.once_told("authority_timeout", world.handed())


async def _granted(world: World) -> None:
    await world.once_told("authorised", world.handed())


async def _withheld(world: World) -> None:
    await world.once_told("declined_awaiting_receiver", world.handed(amount=OVER_LIMIT))


async def _authorising(world: World) -> None:
    world.break_authority(Fault.SILENT, AUTHORISATIONS)
    await world.once_told("verified", world.bought())


async def _unknown(world: World) -> None:
    world.break_authority(Fault.DROP, AUTHORISATIONS)  # it is held, and nobody knows
    await world.once_told("authority_timeout", world.bought())


Comes = Callable[[World], Awaitable[None]]
UNASKED = (_open, _offered, _claimed)
ASKED = (_asked, _silent, _granted, _authorising, _unknown)


@pytest.mark.parametrize("wish", ["cancel", "abort"])
@pytest.mark.parametrize("comes", UNASKED)
async def test_stopped_before_anything_was_asked(world: World, comes: Comes, wish: str) -> None:
    await comes(world)
    await world.too_late("paid")
    sale = await world.decide(wish)
    assert outcome(sale) == ("cancelled", "cashier_cancelled")
    assert (sale["approval_id"], sale["settlement"]) == (None, None)
    await _stays(world, sale)
    assert world.transactions() == {}


@pytest.mark.parametrize("wish", ["cancel", "abort"])
@pytest.mark.parametrize("comes", ASKED)
async def test_stopped_while_the_authority_is_asked(world: World, comes: Comes, wish: str) -> None:
    """A definite answer at once: the reversal is in the journal before the till hears."""
    space = world.credit_space()
    await comes(world)
    await world.too_late("paid")
    world.break_authority(Fault.FAIL)
    sale = await world.decide(wish)
    assert outcome(sale) == ("cancelled", "cashier_cancelled")
    assert (sale["transaction_id"], sale["receipt"]) == (None, None)
    assert sale["settlement"] == "reversing"
    name = bytes.fromhex(sale["approval_id"])
    world.device.judge(name)  # too late
    await _stays(world, sale)
    await world.ring(NEXT)  # what is owed bars nobody
    world.authority.faults.clear()
    assert await world.settled() == sale | {"settlement": "reversed"}
    assert (world.transactions(), world.credit_space()) == ({name: "VOIDED"}, space)


@pytest.mark.parametrize("wish", ["cancel", "abort"])
async def test_stopped_with_a_decline_withheld(world: World, wish: str) -> None:
    """It stands: nothing is held, nothing is reversed, and no new offer follows."""
    await _withheld(world)
    await world.too_late("paid")
    sale = await world.decide(wish)
    assert outcome(sale) == ("declined", "purchase_limit")
    assert (bool(sale["receipt"]), sale["settlement"]) == (True, None)
    await world.device.heard(wire.RESULT)
    await _stays(world, sale)
    assert list(world.transactions().values()) == ["DECLINED"]


async def test_stopped_while_a_refused_approval_is_given_back(world: World) -> None:
    """The sale is open again, with a reversal under way."""
    async with world.watching() as told:
        await _granted(world)
        [name] = world.transactions()
        world.break_authority(Fault.FAIL)
        world.device.judge(name, reasons.BAD_SIGNATURE)
        await told("recalled")
    sale = await world.decide("cancel")
    assert (sale["reason"]["code"], sale["settlement"]) == ("cashier_cancelled", "reversing")
    assert world.transactions() == {name: "PENDING"}
    world.authority.faults.clear()
    assert await world.settled() == sale | {"settlement": "reversed"}
    assert world.transactions() == {name: "VOIDED"}


async def test_cancelled_after_the_approval(world: World) -> None:
    space = world.credit_space()
    approved = await world.approved()
    await world.decide("cancel")
    await world.is_reversed("cashier_cancelled")
    sale = await world.sale()
    assert sale["approval_id"] == approved["approval_id"]
    assert (sale["transaction_id"], sale["receipt"]) == (None, None)  # it was, and is not
    await _stays(world, sale)
    assert (list(world.transactions().values()), world.credit_space()) == (["VOIDED"], space)


async def test_too_late_to_abort(world: World) -> None:
    """The cashier hears that it is approved, and decides."""
    approved = await world.approved()
    assert await world.too_late("abort") == approved
    assert (await world.ended("paid"))["settlement"] == "posted"
    assert list(world.transactions().values()) == ["POSTED"]


async def test_aborted_as_the_approval_comes_in(world: World) -> None:
    """Nobody has been told: the abort finds the approval, and the till hears of it that way."""
    await world.bought()
    await world.device.heard(wire.RESULT)
    assert (await world.too_late("abort"))["state"] == "approved"


async def _stays(world: World, sale: dict[str, object]) -> None:
    """However often it is said again, and whatever else is said."""
    for wish in ("cancel", "abort"):
        assert await world.decide(wish) == sale
    assert await world.too_late("paid") == sale


async def test_what_is_paid_stays_paid(world: World) -> None:
    await world.approved()
    world.break_authority(Fault.FAIL, "/v1/confirmations")
    paid = await world.decide("paid")
    for wish in ("cancel", "abort"):
        assert await world.too_late(wish) == paid
    assert await world.decide("paid") == paid
    world.authority.faults.clear()
    posted = await world.settled()
    for wish in ("cancel", "abort"):
        assert await world.too_late(wish) == posted
    assert (await world.decide("paid"), list(world.transactions().values())) == (posted, ["POSTED"])


@pytest.mark.parametrize("wishes", [("paid", "cancel"), ("cancel", "paid")])
async def test_the_first_of_two_tills_wins(world: World, wishes: tuple[str, str]) -> None:
    """At once, by two connections: one is taken, and the other hears which."""
    await world.approved()
    async with aiohttp.ClientSession(world.daemon.till_url) as other:

        async def say(http: aiohttp.ClientSession, wish: str) -> tuple[int, str]:
            async with http.post(f"/v1/sales/{SALE}/{wish}") as answer:
                body = await answer.json(content_type=None)
                return answer.status, body.get("sale", body)["state"]

        answers = await asyncio.gather(say(world.http, wishes[0]), say(other, wishes[1]))
    decided = (await world.sale())["state"]
    assert sorted(answers) == [(200, decided), (409, decided)]
    await world.settled()
    end = {"paid": "POSTED", "cancelled": "VOIDED"}[decided]
    assert list(world.transactions().values()) == [end]


# Telling the till, and its silence.


async def test_an_approval_that_is_not_fetched_is_given_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(controller, "TELL_MS", 100)
    name = await world.bought()
    await world.device.heard(wire.RESULT)
    assert (await world.device.heard(wire.CANCEL)).reason == reasons.NOT_TOLD
    await world.is_reversed("not_told")
    assert world.transactions() == {name: "VOIDED"}


async def test_silence_after_the_till_was_told_reverses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may ring the next sale, whatever that comes to, and decide this one later."""
    monkeypatch.setattr(controller, "TELL_MS", 100)
    approved = await world.approved(patience_s=1)
    await world.ring(NEXT, patience_s=1)
    assert (await world.sale(NEXT))["state"] == "cancelled"  # more than a second later
    assert await world.sale() == approved
    assert (await world.ended("paid"))["settlement"] == "posted"


async def test_an_approval_outlives_the_bridge(stopped: World) -> None:
    async with stopped.bridge():
        approved = await stopped.approved()
    async with stopped.bridge():
        assert await stopped.sale(wait=0) == approved
        assert (await stopped.call("GET", "/v1/sales"))[1]["sales"] == [approved]
        await stopped.ended("paid")
    assert list(stopped.transactions().values()) == ["POSTED"]


@pytest.mark.parametrize(("wish", "end"), [("paid", "POSTED"), ("cancel", "VOIDED")])
async def test_a_decision_outlives_the_bridge(stopped: World, wish: str, end: str) -> None:
    """Said once, it is owed: the till need not come back."""
    async with stopped.bridge():
        await stopped.owed(wish)
    stopped.authority.faults.clear()
    async with stopped.bridge():
        await stopped.settled()
    assert list(stopped.transactions().values()) == [end]


async def test_an_approval_that_no_till_was_told_of_is_given_back_after_a_restart(
    stopped: World,
) -> None:
    async with stopped.bridge():
        name = await stopped.bought()
        await stopped.device.heard(wire.RESULT)
    async with stopped.bridge():
        await stopped.is_reversed("bridge_restarted")
    assert stopped.transactions() == {name: "VOIDED"}


# An authority that says no after all.


async def test_paid_and_given_back_by_the_authority_is_a_liability(world: World) -> None:
    name = bytes.fromhex((await world.approved())["approval_id"])
    await world.reverse_behind_its_back(name)
    settled = await world.ended("paid")
    assert (settled["state"], settled["settlement"]) == ("paid", "liability")
    assert settled["reason"]["code"] == "liability"
    assert await world.decide("paid") == settled
    assert await world.too_late("cancel") == settled
    assert world.transactions() == {name: "VOIDED"}
