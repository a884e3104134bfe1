"""Money back on the till's word alone: linked to a purchase, at most what was posted."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from receiver import reasons
from receiver.host.display import DISPLAYS
from receiver.link import wire
from receiver.protocol import messages, signed
from simulator.authority import Fault
from tests.support.shop.refunding import PART, REFUND, ask, done, given_back, look, offered, refused
from tests.support.shop.scripted_buyer import Buyer
from tests.support.shop.till import AMOUNT, SALE, World, outcome
from tests.support.values import evidence


async def test_the_whole_of_a_sale(world: World) -> None:
    space = world.credit_space()
    sale = await world.posted()
    begun = await ask(world, reference="retur 7")
    assert (begun["state"], begun["sale_id"]) == ("pending", SALE)
    refund = await done(world)
    assert refund == begun | {
        "state": "refunded",
        "display": DISPLAYS[True, "refunded"]._asdict(),
        "transaction_id": refund["transaction_id"],
    }
    assert refund["original_transaction_id"] == sale["transaction_id"]
    assert (refund["amount"], refund["currency"]) == (AMOUNT, "SEK")
    assert (refund["till"], refund["reference"], refund["reason"]) == (3, "retur 7", None)
    assert refund["transaction_id"] not in (None, sale["transaction_id"])
    assert given_back(world, sale) == AMOUNT
    assert world.credit_space() == space
    assert await world.sale() == sale  # it stays what it was


async def test_part_by_part_and_never_more(world: World) -> None:
    sale = await world.posted()
    await ask(world, refund_id="refund-part-one-", amount=PART)
    await ask(world, refund_id="refund-part-two-", amount=PART)  # while the first is under way
    rest = AMOUNT - 2 * PART
    status, kind, named = await refused(world, amount=rest + 1)
    assert (status, kind, named) == (409, "refund-exceeds", sale)
    for refund_id in ("refund-part-one-", "refund-part-two-"):
        assert (await done(world, refund_id))["state"] == "refunded"
    assert (await refused(world, amount=rest + 1))[:2] == (409, "refund-exceeds")
    await ask(world, amount=rest)
    assert (await done(world))["state"] == "refunded"
    assert (await refused(world, refund_id="refund-one-ore-more", amount=1))[0] == 409
    assert given_back(world, sale) == AMOUNT


async def test_what_was_refunded_is_remembered(stopped: World) -> None:
    async with stopped.bridge():
        sale = await stopped.posted()
        await ask(stopped, refund_id="refund-part-one-", amount=PART)
        await done(stopped, "refund-part-one-")
    async with stopped.bridge():
        assert (await refused(stopped, amount=AMOUNT - PART + 1))[:2] == (409, "refund-exceeds")
        stopped.daemon.service.books._journal.archive(set())
        assert (await refused(stopped, amount=AMOUNT - PART + 1))[:2] == (409, "refund-exceeds")
        await ask(stopped, amount=AMOUNT - PART)
        assert (await done(stopped))["state"] == "refunded"
    assert given_back(stopped, sale) == AMOUNT


async def test_of_a_sale_of_another_bridge(stopped: World) -> None:
    """Named by its transaction; how much may go back only the authority knows."""
    async with stopped.bridge():
        sale = await stopped.posted()
    journal = stopped.config.journal.with_name("another.sqlite")
    stopped.config = replace(stopped.config, journal=journal)
    async with stopped.bridge():
        await _by_transaction(stopped, "refund-part-one-", PART, sale)
        first = await done(stopped, "refund-part-one-")
        assert (first["state"], first["sale_id"]) == ("refunded", None)
        assert first["original_transaction_id"] == sale["transaction_id"]
        await _by_transaction(stopped, "refund-part-two-", AMOUNT - PART + 1, sale)
        second = await done(stopped, "refund-part-two-")
        assert outcome(second) == ("declined", "refund_exceeds")
        assert second["transaction_id"] is None
    assert given_back(stopped, sale) == PART


async def _by_transaction(world: World, refund_id: str, amount: int, sale: dict[str, Any]) -> None:
    body = {
        "refund_id": refund_id,
        "amount": amount,
        "currency": "SEK",
        "transaction_id": sale["transaction_id"],
    }
    status, refund = await world.call("POST", "/v1/refunds", json=body)
    assert (status, refund["state"]) == (201, "pending")


async def test_before_the_sale_is_posted(world: World) -> None:
    """It waits for its purchase: what is not posted cannot be given back."""
    sale = await world.owed("paid", "/v1/confirmations")
    assert (await ask(world))["state"] == "pending"
    assert (await look(world))["state"] == "pending"
    world.authority.faults.clear()
    assert (await done(world))["state"] == "refunded"
    assert given_back(world, sale) == AMOUNT


async def test_of_a_sale_that_is_never_posted(world: World) -> None:
    sale = await world.owed("paid", "/v1/confirmations")
    await ask(world)
    await world.reverse_behind_its_back(bytes.fromhex(sale["approval_id"]))
    world.authority.faults.clear()
    assert outcome(await done(world)) == ("declined", "not_posted")
    assert (await world.settled())["settlement"] == "liability"


@pytest.mark.parametrize("fault", Fault)
async def test_owed_while_the_authority_is_away(stopped: World, fault: Fault) -> None:
    """Once, however often it must be said, and whoever starts again meanwhile."""
    async with stopped.bridge():
        sale = await stopped.posted()
        stopped.break_authority(fault, "/v1/refunds")
        await ask(stopped, amount=PART)
        outbox = (await stopped.call("GET", "/v1/outbox"))[1]
        assert (outbox["depth"], outbox["unsent"]) == (1, [])
        status, _, named = await stopped.problem("POST", f"/v1/refunds/{REFUND}/cancel")
        assert (status, named["state"]) == (409, "pending")  # it was decided when it was asked for
    async with stopped.bridge():
        assert (await look(stopped))["state"] == "pending"
        stopped.authority.faults.clear()
        await stopped.call("POST", "/v1/outbox/send")
        assert (await done(stopped))["state"] == "refunded"
    assert given_back(stopped, sale) == PART


async def test_the_same_refund_again(world: World) -> None:
    sale = await world.posted()
    await ask(world, amount=PART)
    refund = await done(world)
    body = {"refund_id": REFUND, "sale_id": SALE, "amount": PART}
    assert await world.call("POST", "/v1/refunds", json=body) == (200, refund)
    assert given_back(world, sale) == PART


@pytest.mark.parametrize(
    "changes",
    [{"amount": 1}, {"phone": True}, {"reference": "retur"}, {"sale_id": "sale-of-the-next-buyer"}],
)
async def test_the_same_id_for_another_refund(world: World, changes: dict[str, Any]) -> None:
    sale = await world.posted()
    await world.posted("sale-of-the-next-buyer")
    await ask(world, amount=PART)
    refund = await done(world)
    assert await refused(world, **({"amount": PART} | changes)) == (409, "conflict", refund)
    assert given_back(world, sale) == PART


async def test_the_same_id_for_another_transaction(world: World) -> None:
    sales = [await world.posted(sale_id) for sale_id in (SALE, "sale-of-the-next-buyer")]
    await _by_transaction(world, REFUND, PART, sales[0])
    body = {"refund_id": REFUND, "amount": PART, "currency": "SEK"}
    ids = [sale["transaction_id"] for sale in sales]
    assert (await world.call("POST", "/v1/refunds", json=body | {"transaction_id": ids[0]}))[
        0
    ] == 200
    other = body | {"transaction_id": ids[1]}
    assert (await world.problem("POST", "/v1/refunds", json=other))[:2] == (409, "conflict")
    await done(world)
    assert [given_back(world, sale) for sale in sales] == [PART, 0]


async def test_one_id_for_a_sale_and_a_refund(world: World) -> None:
    sale = await world.posted()
    assert await refused(world, refund_id=SALE) == (409, "conflict", sale)
    await ask(world)
    refund = await done(world)
    body = {"sale_id": REFUND, "amount": AMOUNT, "currency": "SEK"}
    assert await world.problem("POST", "/v1/sales", json=body) == (409, "conflict", refund)
    for path in (f"/v1/sales/{REFUND}", f"/v1/refunds/{SALE}"):
        assert (await world.problem("GET", path))[:2] == (404, "unknown-sale")
    assert (await refused(world, refund_id="refund-of-a-refund", sale_id=REFUND))[0] == 404


async def test_of_what_was_never_sold(world: World) -> None:
    assert (await refused(world))[:2] == (404, "unknown-sale")
    body = {"refund_id": REFUND, "amount": 1, "currency": "SEK", "transaction_id": "0f" * 16}
    assert (await world.call("POST", "/v1/refunds", json=body))[0] == 201
    assert outcome(await done(world)) == ("declined", "not_posted")


@pytest.mark.parametrize("wish", ["cancel", None])
async def test_of_what_is_not_paid(world: World, wish: str | None) -> None:
    await world.approved()
    if wish:
        await world.decide(wish)
    assert (await refused(world))[:2] == (409, "not-paid")


@pytest.mark.parametrize(
    "changes",
    [
        {"transaction_id": "0f" * 16},
        {"sale_id": None},
        {"sale_id": None, "transaction_id": "0F" * 16, "currency": "SEK"},
        {"sale_id": None, "transaction_id": "0f" * 16},
        {"amount": 0},
        {"phone": "yes"},
        {"phone": 1},
        {"refund_id": "short"},
        {"tip": 1},
    ],
)
async def test_a_refund_that_is_not_one(world: World, changes: dict[str, Any]) -> None:
    body = {"refund_id": REFUND, "sale_id": SALE, "amount": AMOUNT} | changes
    body = {key: value for key, value in body.items() if value is not None}
    assert (await world.problem("POST", "/v1/refunds", json=body))[:2] == (400, "invalid-request")


async def test_of_a_sale_in_another_currency(world: World) -> None:
    await world.posted()
    assert (await refused(world, currency="EUR"))[:2] == (409, "conflict")


# Money back with a phone: the buyer approves, and nobody else.


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
    await offered(world)
    await world.pay()
    assert outcome(await done(world)) == ("declined", "other_buyer")
    assert given_back(world, sale) == 0


async def test_a_wrong_code_may_be_mended(world: World) -> None:
    sale = await world.posted()
    async with world.watching() as told:
        await offered(world)
        await world.pay(k=bytes(32))
        assert (await told("mendable"))["reason"]["code"] == "code_wrong"
    await world.device.offered()
    await world.pay()
    assert (await done(world))["state"] == "refunded"
    assert given_back(world, sale) == AMOUNT


async def test_not_before_the_sale_is_posted(world: World) -> None:
    """The offer names what is given back, and only what is posted has that name for good."""
    await world.owed("paid", "/v1/confirmations")
    assert (await refused(world, phone=True))[:2] == (409, "not-posted")


@pytest.mark.parametrize("wish", ["cancel", "abort"])
async def test_the_cashier_stops(world: World, wish: str) -> None:
    sale = await world.posted()
    await offered(world)
    status, refund = await world.call("POST", f"/v1/refunds/{REFUND}/{wish}")
    assert (status, refund["state"]) == (200, "cancelled")
    assert refund["reason"]["code"] == "cashier_cancelled"
    await world.device.heard(wire.CANCEL)
    await ask(world, refund_id="refund-without-one")  # nothing of it counts any more
    assert (await done(world, "refund-without-one"))["state"] == "refunded"
    assert given_back(world, sale) == AMOUNT


async def test_no_phone_approves(world: World) -> None:
    sale = await world.posted()
    await offered(world, patience_s=1)
    assert outcome(await done(world)) == ("cancelled", "nobody_came")
    assert given_back(world, sale) == 0


async def test_an_approval_that_the_receiver_refuses(world: World) -> None:
    """It is taken back at the authority, and the next one counts."""
    sale = await world.posted()
    await offered(world)
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
    assert outcome(await done(world)) == ("declined", "receiver_untrusted")


async def test_one_at_a_time_at_a_till(world: World) -> None:
    await world.posted()
    rung = await world.ring("sale-of-the-next-buyer")
    assert (await refused(world, phone=True))[:2] == (409, "conflict")
    await ask(world)  # the till's word alone needs no receiver
    assert (await done(world))["state"] == "refunded"
    assert (await world.sale("sale-of-the-next-buyer", wait=0))["sale_id"] == rung["sale_id"]
