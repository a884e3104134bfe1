"""Sales through the bridge whole: till API, journal, line and a real authority."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from typing import Any

import pytest

from bridge.journal import Journal, JournalError
from bridge.observability import timings
from bridge.sales import sale_service
from receiver import reasons
from receiver.crypto import host
from receiver.link import wire
from receiver.protocol import identifiers, messages, signed
from simulator.authority import Fault
from tests.support.bridge.device import PATIENCE_S, Device
from tests.support.shop.till import AMOUNT, OVER_LIMIT, RECEIVER, TILL, World, outcome
from tests.support.values import evidence

# Purchases


async def test_a_purchase(world: World) -> None:
    rung = await world.ring(reference="kvitto 7")
    assert (rung["state"], rung["till"], rung["reference"]) == ("open", TILL, "kvitto 7")
    offer = await world.device.offered()
    name = await world.pay()
    sale = await world.sale()
    assert (sale["state"], sale["reason"], sale["approval_id"]) == ("approved", None, name.hex())
    assert sale["match_code"] == identifiers.match_code(offer)
    data = urlsafe_b64decode(sale["receipt"] + "==")
    receipt = evidence.receipt(data, world.authority.pins)
    assert receipt.transaction_id.hex() == sale["transaction_id"]
    assert (receipt.amount, receipt.till) == (AMOUNT, TILL)
    result = await world.device.heard(wire.RESULT)
    assert result == wire.Result(identifiers.session_id(offer), data)
    share = timings.own_share(world.daemon.service.books.stamps.of(rung["sale_id"]))
    assert share is not None
    assert 0 < share < PATIENCE_S


async def test_a_new_receiver_gets_its_certificate(world: World) -> None:
    """The one that its offers are held against; it may not have heard of it."""
    assert (await world.device.heard(wire.CERTIFICATE)).data == world.device.certificate


async def test_a_new_receiver_gets_the_authoritys_state(world: World) -> None:
    blob = await world.device.heard(wire.STATE)
    state = signed.from_authority(messages.STATE, blob.data, world.authority.pins, host)
    assert (state.nonce, state.receiver_id) == (world.device.nonce, evidence.RECEIVER_ID)


async def test_everything_is_shown_as_it_happens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, verified = world.daemon.service.authority, asyncio.Event()
    authorise = authority.authorise

    async def after_the_verdict(record: bytes) -> bytes:
        await verified.wait()
        return await authorise(record)

    monkeypatch.setattr(authority, "authorise", after_the_verdict)
    async with world.http.ws_connect("/v1/events") as watch:
        await world.bought()
        waiting = asyncio.create_task(world.sale())
        steps = []
        event: dict[str, Any] = {"event": ""}
        while event["event"] != "timing":
            event = await watch.receive_json(timeout=PATIENCE_S)
            if event["event"] == "sale":
                steps.append((event["from"], event["what"], event["sale"]["state"]))
                if event["what"] == "verified":
                    verified.set()
        await waiting
        assert steps == [
            ("till", "rung", "open"),
            ("receiver", "offered", "open"),
            ("phone", "claimed", "claimed"),
            ("phone", "approval_received", "claimed"),
            ("bridge", "authorisation_sent", "authorising"),
            ("receiver", "verified", "authorising"),
            ("bridge", "till_notified", "approved"),
        ]
        assert sorted(event["stamps"], key=event["stamps"].get) == [
            "offer",
            "approval_received",
            "approval_kept",
            "authorise_sent",
            "verdict_received",
            "authorise_answered",
            "told",
        ]


async def test_a_limit_is_raised_and_the_same_sale_approved(world: World) -> None:
    async with world.http.ws_connect("/v1/events") as watch:
        await world.bought(amount=OVER_LIMIT)
        declined = await world.until(watch, event="sale", what="mendable")
        assert declined["sale"]["reason"]["code"] == "purchase_limit"
        assert "köpgräns" in declined["sale"]["reason"]["sv"]
        await world.device.offered()
        assert (await world.sale(wait=0))["state"] == "open"
        await world.buyer.raise_limit(OVER_LIMIT)
        await world.goes_through()


async def test_a_buyer_says_no_and_another_pays(world: World) -> None:
    async with world.http.ws_connect("/v1/events") as watch:
        await world.ring_up()
        world.device.say_no()
        left = await world.until(watch, event="sale", what="left")
        assert left["sale"]["reason"]["code"] == "buyer_said_no"
    await world.goes_through()


async def test_one_sale_after_the_other(world: World) -> None:
    names = set()
    for number in range(5):
        sale_id = f"sale-number-{number:08}"
        await world.bought(sale_id)
        names.add((await world.sale(sale_id))["approval_id"])
    assert len(names) == 5


# Lies


async def test_an_offer_with_another_amount(world: World) -> None:
    world.device.lies = {"amount": 1}
    await world.ring()
    assert outcome(await world.sale()) == ("declined", "receiver_untrusted")
    await world.device.heard(wire.CANCEL)
    refusals = world.daemon.service.sessions[TILL].refusals
    assert refusals == {reasons.RECEIVER_UNTRUSTED: 1, reasons.WRONG_AMOUNT: 1}
    world.device.lies = {}
    await world.approved("sale-of-the-next-buyer")


async def test_a_forged_approval_called_verified(world: World) -> None:
    offer = await world.ring_up()
    approval = world.buyer.approve(offer)
    name = world.buyer.name(offer, approval)
    world.device.present(world.buyer.credential)
    world.device.approve(approval[:-1] + bytes([approval[-1] ^ 1]))
    world.device.judge(name)
    refusal = await world.device.heard(wire.VERDICT)
    assert (refusal.approval_id, refusal.reason) == (name, reasons.BAD_SIGNATURE)
    await world.goes_through()
    refusals = world.daemon.service.sessions[TILL].refusals
    assert refusals == {reasons.BAD_SIGNATURE: 1, reasons.RECEIVER_UNTRUSTED: 1}


async def test_garbage_boot_text_and_nonsense_on_the_line(world: World) -> None:
    await world.ring_up()
    world.device.raw = (
        b"rst:0x1 (POWERON)\r\n\x00\xff\x00Traceback (most recent call last):\r\n\x00"
    )
    world.device._link.send(wire.PHONE, b"\xff")
    await world.goes_through()
    [receiver] = (await world.call("GET", "/v1/receivers"))[1]["receivers"]
    assert receiver["counters"] == {"malformed": 1}
    assert receiver["line"]["raw"] >= 2


async def test_another_receiver_on_the_port_sells_nothing(stopped: World) -> None:
    stopped.device = Device(RECEIVER, stopped.device.certificate, b"stranger")
    async with stopped.bridge(), stopped.http.ws_connect("/v1/events") as watch:
        await stopped.until(watch, event="refusal", reason="wrong_receiver")
        await stopped.ring(patience_s=1)
        assert outcome(await stopped.sale()) == ("cancelled", "receiver_offline")


# Silence


async def test_an_authority_that_fails_is_unknown_until_it_answers(world: World) -> None:
    world.break_authority(Fault.FAIL, "/v1/authorisations")
    await world.bought()
    assert outcome(await world.sale()) == ("unknown", "authority_unreachable")
    world.authority.faults.clear()
    assert (await world.sale())["state"] == "approved"


async def test_an_answer_that_was_lost_is_asked_for_again(world: World) -> None:
    world.break_authority(Fault.DROP, "/v1/authorisations", times=1)
    name = await world.unanswered()
    sale = await world.sale()
    assert (sale["state"], sale["approval_id"]) == ("approved", name.hex())


async def test_patience_ends_in_a_reversal_and_never_in_a_false_answer(world: World) -> None:
    world.break_authority(Fault.DROP)  # books it, and never says so
    await world.unanswered(patience_s=1)
    await world.device.heard(wire.CANCEL)
    sale = await world.sale(wait=0)
    assert outcome(sale) == ("cancelled", "reversed")
    assert sale["settlement"] == "reversing"
    await world.ring("sale-of-the-next-buyer")  # an owed reversal bars nobody
    world.authority.faults.clear()
    await world.is_reversed("reversed")
    assert list(world.transactions().values()) == ["VOIDED"]


# Restarts


async def test_the_bridge_restarts_with_a_sale_open(stopped: World) -> None:
    async with stopped.bridge():
        await stopped.ring_up()
    async with stopped.bridge():
        assert outcome(await stopped.sale()) == ("cancelled", "bridge_restarted")
        await stopped.device.heard(wire.CANCEL)  # the session that nobody knows


async def test_the_bridge_restarts_without_an_answer(
    stopped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sale_service, "STANDING_S", 0)
    async with stopped.bridge():
        stopped.authority.faults.fault = Fault.DROP
        await stopped.unanswered()
    async with stopped.bridge():
        assert (await stopped.sale())["settlement"] == "reversing"
        stopped.authority.faults.clear()
        await stopped.is_reversed("bridge_restarted")
    assert list(stopped.transactions().values()) == ["VOIDED"]


async def test_a_finished_sale_is_the_same_after_a_restart(stopped: World) -> None:
    async with stopped.bridge():
        await stopped.bought()
        before = await stopped.sale()
    async with stopped.bridge():
        assert await stopped.sale() == before


async def test_the_receiver_comes_after_the_sale(stopped: World) -> None:
    stopped.device.unplug()
    async with stopped.bridge():
        await stopped.ring()
        stopped.device.plug()
        await stopped.device.offered()
        await stopped.goes_through()


@pytest.mark.parametrize("unplugged", [False, True])
async def test_the_receiver_resets_in_a_sale(world: World, unplugged: bool) -> None:
    await world.ring_up()
    world.device.present(world.buyer.credential)
    if unplugged:
        world.device.unplug()
    world.device.reboot()
    world.device.plug()
    await world.device.offered()
    await world.goes_through()


async def test_a_second_bridge_is_kept_from_the_journal(world: World) -> None:
    with pytest.raises(JournalError, match="locked"):
        Journal.open(world.config.journal)
