"""Money back with a phone: the buyer approves, and nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from receiver import reasons
from receiver.link import wire
from receiver.protocol import messages, signed
from simulator.authority import Fault
from tests.support.shop.refunding import PART, REFUND, ask, done, given_back, refused
from tests.support.shop.scripted_buyer import Buyer
from tests.support.shop.till import AMOUNT, SALE, World
from tests.support.values import evidence


async def test_the_buyer_approves(world: World) -> None:
    space = world.credit_space()
    sale = await world.posted()
    begun = await ask(world, phone=True, amount=PART)
    assert (begun["state"], begun["sale_id"]) == ("open", SALE)
    offer = signed.parse(messages.OFFER, await world.device.offered()).value
    assert (offer.kind, offer.amount) == (messages.REFUND, PART)
    assert offer.original.hex() == sale["transaction_id"]
    name = await world.pay()
    refund = await done(world)
    assert (refund["state"], refund["approval_id"]) == ("refunded", name.hex())
    results = [await world.device.heard(wire.RESULT) for _ in ("purchase", "refund")]
    receipt = evidence.receipt(results[1].receipt, world.authority.pins)
    assert (receipt.outcome, receipt.amount) == (messages.APPROVED, PART)
    assert given_back(world, sale) == PART
    assert world.credit_space() == space - AMOUNT + PART


async def test_another_buyer_is_declined(world: World) -> None:
    sale = await world.posted()
    stranger = Buyer(world.authority, world.device.certificate, evidence.seed("another phone"))
    await stranger.activate(1)
    world.buyer = stranger
    await ask(world, phone=True)
    await world.device.offered()
    await world.pay()
    refund = await done(world)
    assert (refund["state"], refund["reason"]["code"]) == ("declined", "other_buyer")
    assert given_back(world, sale) == 0


async def test_a_wrong_code_may_be_mended(world: World) -> None:
    sale = await world.posted()
    async with world.watching() as told:
        await ask(world, phone=True)
        await world.device.offered()
        await world.pay(k=bytes(32))
        assert (await told("mendable"))["reason"]["code"] == "code_wrong"
    await world.device.offered()
    await world.pay()
    assert (await done(world))["state"] == "refunded"
    assert given_back(world, sale) == AMOUNT


async def test_not_before_the_sale_is_posted(world: World) -> None:
    """The offer names what is given back, and only what is posted has that name for good."""
    await world.approved()
    world.break_authority(Fault.FAIL, "/v1/confirmations")
    await world.decide("paid")
    assert (await refused(world, phone=True))[:2] == (409, "not-posted")


@pytest.mark.parametrize("wish", ["cancel", "abort"])
async def test_the_cashier_stops(world: World, wish: str) -> None:
    sale = await world.posted()
    await ask(world, phone=True)
    await world.device.offered()
    status, refund = await world.call("POST", f"/v1/refunds/{REFUND}/{wish}")
    assert (status, refund["state"]) == (200, "cancelled")
    assert refund["reason"]["code"] == "cashier_cancelled"
    await world.device.heard(wire.CANCEL)
    await ask(world, refund_id="refund-without-one")  # nothing of it counts any more
    assert (await done(world, "refund-without-one"))["state"] == "refunded"
    assert given_back(world, sale) == AMOUNT


async def test_nobody_approves(world: World) -> None:
    sale = await world.posted()
    await ask(world, phone=True, patience_s=1)
    await world.device.offered()
    refund = await done(world)
    assert (refund["state"], refund["reason"]["code"]) == ("cancelled", "nobody_came")
    assert given_back(world, sale) == 0


async def test_an_approval_that_the_receiver_refuses(world: World) -> None:
    """It is taken back at the authority, and the next one counts."""
    sale = await world.posted()
    await ask(world, phone=True)
    await world.device.offered()
    first = world.hand()
    world.device.judge(first, reasons.BAD_SIGNATURE)
    await world.device.heard(wire.VERDICT)
    second = await world.pay()
    refund = await done(world)
    assert (refund["state"], refund["approval_id"]) == ("refunded", second.hex())
    assert given_back(world, sale) == AMOUNT
    assert world.transactions()[first] == "VOIDED"


@pytest.mark.parametrize(
    "lie", [{"kind": messages.PURCHASE, "original": b""}, {"original": b"0" * 16}]
)
async def test_a_receiver_that_lies_about_a_refund(world: World, lie: dict[str, Any]) -> None:
    await world.posted()
    world.device.lies = lie
    await ask(world, phone=True)
    refund = await done(world)
    assert (refund["state"], refund["reason"]["code"]) == ("declined", "receiver_untrusted")


async def test_one_at_a_time_at_a_till(world: World) -> None:
    await world.posted()
    rung = await world.ring("sale-of-the-next-buyer")
    assert (await refused(world, phone=True))[:2] == (409, "conflict")
    await ask(world)  # the till's word alone needs no receiver
    assert (await done(world))["state"] == "refunded"
    assert (await world.sale("sale-of-the-next-buyer", wait=0))["sale_id"] == rung["sale_id"]
