"""Accepted without the authority: marked as such, sent later, and how the authority takes it."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.domain import controller
from receiver import reasons
from receiver.link import wire
from receiver.protocol import messages, signed
from simulator.authority import Fault
from tests.support.shop.offline_shop import (
    EARLIER,
    LIMITS,
    NEXT,
    accepted,
    alone,
    limit,
    sells,
    unsent,
)
from tests.support.shop.put_back import lose
from tests.support.shop.refunding import ask, done, offered
from tests.support.shop.till import AMOUNT, SALE, World, outcome
from tests.support.values import evidence


async def test_it_is_marked_and_sent_later(shop: World) -> None:
    sale = await sells(shop)
    assert accepted(sale)
    word = await shop.device.heard(wire.STAND_IN)
    assert word.approval_id.hex() == sale["approval_id"]
    assert await unsent(shop) == [SALE]
    assert await shop.decide("paid") == sale | {"state": "paid", "settlement": "owed"}
    assert await unsent(shop) == [SALE]
    known = shop.transactions()
    shop.authority.faults.clear()
    assert (await shop.call("POST", "/v1/outbox/send"))[0] == 200
    posted = await shop.settled()
    assert (posted["settlement"], posted["offline"]) == ("posted", True)
    assert posted["reason"]["code"] == "accepted_offline"
    receipt = evidence.receipt(urlsafe_b64decode(posted["receipt"] + "=="), shop.authority.pins)
    assert receipt.transaction_id.hex() == posted["transaction_id"]
    assert shop.transactions() == known | {word.approval_id: "POSTED"}
    assert await unsent(shop) == []
    mode = "SELECT mode FROM transactions WHERE approval_id = ?"
    assert shop.authority.office.store.value(mode, word.approval_id) == messages.OFFLINE


async def test_the_receivers_own_receipt(shop: World) -> None:
    """Signed for the phone and for the till, before the authority has said a word."""
    async with shop.watching() as told:
        assert (await sells(shop))["provisional_receipt"] is None
        word = await shop.device.heard(wire.STAND_IN)
        receipt = shop.device.prove(word)
        proved = await told("provisional_receipt")
    data = urlsafe_b64decode(proved["provisional_receipt"] + "==")
    assert data == receipt
    value = signed.parse(messages.PROVISIONAL, data).value
    assert (value.approval_id, value.amount) == (word.approval_id, AMOUNT)
    assert (await shop.sale(), shop.daemon.service.sessions[3].refusals) == (proved, {})


@pytest.mark.parametrize(
    ("lie", "cause"),
    [
        ({"amount": 1}, reasons.WRONG_AMOUNT),
        ({"currency": 978}, reasons.WRONG_CURRENCY),
        ({"approval_id": bytes(16)}, reasons.WRONG_SESSION),
        ({"version": 2}, reasons.WRONG_VERSION),
    ],
)
async def test_a_receivers_receipt_for_something_else(
    shop: World, lie: dict[str, Any], cause: int
) -> None:
    async with shop.http.ws_connect("/v1/events") as watch:
        await sells(shop)
        shop.device.prove(await shop.device.heard(wire.STAND_IN), **lie)
        await shop.until(watch, event="refusal", reason=reasons.name(cause))
    assert (await shop.sale())["provisional_receipt"] is None


async def test_it_outlives_the_bridge(allowed: World) -> None:
    async with allowed.bridge():
        await alone(allowed)
        sale = await sells(allowed)
        allowed.device.prove(await allowed.device.heard(wire.STAND_IN))
    async with allowed.bridge():
        again = await allowed.sale()
        assert again == sale | {"provisional_receipt": again["provisional_receipt"]}
        assert await unsent(allowed) == [SALE]
        await allowed.decide("paid")
    async with allowed.bridge():
        assert await unsent(allowed) == [SALE]
        allowed.authority.faults.clear()
        assert (await allowed.settled())["settlement"] == "posted"


async def test_a_restart_without_the_authority(allowed: World) -> None:
    """Limits hold on for a receiver that has not been restarted as well."""
    async with allowed.bridge():
        await alone(allowed)
    async with allowed.bridge():
        assert accepted(await sells(allowed))
        await allowed.decide("paid")
    allowed.device.nonce = bytes(wire.NONCE_SIZE)
    allowed.device.reboot()
    async with allowed.bridge():
        assert not accepted(await sells(allowed, NEXT))


async def test_a_new_journal_without_the_authority(allowed: World) -> None:
    """It cannot know what stands on the limits already."""
    async with allowed.bridge():
        await alone(allowed)
        assert accepted(await sells(allowed))
    lose(allowed)
    async with allowed.bridge():
        assert not accepted(await sells(allowed, NEXT))


async def test_a_sale_that_was_taken_back_is_never_sent(shop: World) -> None:
    """Only its reversal is, and nothing is left standing on it."""
    known, space = shop.transactions(), shop.credit_space()
    sale = await sells(shop)
    cancelled = await shop.decide("cancel")
    assert (cancelled["state"], cancelled["settlement"]) == ("cancelled", "reversing")
    assert await unsent(shop) == []
    shop.authority.faults.clear()
    assert (await shop.settled())["settlement"] == "reversed"
    assert shop.transactions() == known | {bytes.fromhex(sale["approval_id"]): "VOIDED"}
    assert shop.credit_space() == space


async def test_declined_when_it_is_sent(shop: World) -> None:
    """The goods are gone: the store has the loss, and it is in the books."""
    sale = await sells(shop)
    shop.authority.faults.clear()
    await shop.buyer.admin(f"recipients/{shop.buyer.recipient}", credit_space=0)
    lost = await shop.ended("paid")
    assert (lost["state"], lost["settlement"]) == ("paid", "liability")
    assert lost["reason"]["code"] == "credit_space"
    assert shop.transactions()[bytes.fromhex(sale["approval_id"])] == "DECLINED"
    sums = (await shop.call("GET", "/v1/totals"))[1]["receivers"][0]["sums"][0]
    assert (sums["liability"], sums["unsent"]["count"]) == ({"count": 1, "amount": AMOUNT}, 0)


@pytest.mark.parametrize(("wish", "end"), [("paid", "POSTED"), ("cancel", "VOIDED")])
async def test_of_what_the_authority_holds_after_all(shop: World, wish: str, end: str) -> None:
    """Its answer was lost: the same approval is no second purchase."""
    space = shop.credit_space()
    shop.break_authority(Fault.DROP)
    sale = await sells(shop)
    assert accepted(sale)
    name = bytes.fromhex(sale["approval_id"])
    assert shop.transactions()[name] == "PENDING"
    await shop.decide(wish)
    shop.authority.faults.clear()
    await shop.settled()
    assert shop.transactions()[name] == end
    assert space - shop.credit_space() == (AMOUNT if wish == "paid" else 0)


async def test_a_look_at_the_outbox_may_be_the_tills(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it shows as approved is not given back for want of a till that asked."""
    monkeypatch.setattr(controller, "TELL_MS", 1_000)
    await shop.bought(patience_s=1)
    await shop.device.heard(wire.STAND_IN)
    outbox = (await shop.call("GET", "/v1/outbox"))[1]
    assert [sale["state"] for sale in outbox["unsent"]] == ["approved"]
    await shop.ring(NEXT, patience_s=2)
    assert (await shop.sale(NEXT))["state"] == "cancelled"  # two seconds later
    assert (await shop.sale())["state"] == "approved"


async def test_an_earlier_approval_of_the_sale_is_given_back_first(shop: World) -> None:
    """The authority knows one hold for each sale: else it would decline this one for good."""
    shop.authority.faults.clear()
    async with shop.watching() as told:
        first = await shop.handed(patience_s=2)
        await told("authorised")
        shop.break_authority(Fault.FAIL, "/v1/reversals")
        shop.device.judge(first, reasons.BAD_SIGNATURE)
        await told("recalled")
        second = await shop.pay()
        await told("till_notified")
        assert accepted(await shop.sale())
        await shop.decide("paid")
        await told("paid")
        await shop.call("POST", "/v1/outbox/send")
        assert shop.transactions()[first] == "PENDING"
        shop.authority.faults.clear()
    assert (await shop.settled())["settlement"] == "posted"
    assert (shop.transactions()[first], shop.transactions()[second]) == ("VOIDED", "POSTED")


async def test_a_refund_waits_until_its_purchase_is_sent(shop: World) -> None:
    await sells(shop)
    await shop.decide("paid")
    assert (await ask(shop, amount=100))["state"] == "pending"
    shop.authority.faults.clear()
    assert (await done(shop))["state"] == "refunded"
    assert (await shop.sale())["settlement"] == "posted"


# Not accepted without the authority: every limit, and what is never sold so.


async def sells_nothing(allowed: World) -> None:
    async with allowed.bridge():
        await alone(allowed)
        assert not accepted(await sells(allowed))


async def test_off_unless_the_bridge_is_set_up_for_it(allowed: World) -> None:
    allowed.config = replace(allowed.config, offline=False)
    await sells_nothing(allowed)


@pytest.mark.parametrize(
    "limits",
    [
        {"offline_floor": AMOUNT - 1},
        {"offline_total": AMOUNT - 1},
        {"offline_count": 0},
        {"offline_hours": 0},
        dict.fromkeys(LIMITS, 0),
    ],
)
async def test_over_a_limit_of_the_authority(allowed: World, limits: dict[str, int]) -> None:
    await limit(allowed, **limits)
    await sells_nothing(allowed)


async def test_over_the_floor_of_the_credential(allowed: World) -> None:
    await allowed.buyer.admin(f"buyers/{allowed.buyer.id}", offline_floor=AMOUNT - 1)
    await allowed.buyer.renew()
    await sells_nothing(allowed)


async def test_a_revoked_credential(allowed: World) -> None:
    id_ = signed.parse(messages.CREDENTIAL, allowed.buyer.credential).value.id
    await allowed.buyer.admin(f"credentials/{id_.hex()}", revoked=True)
    await sells_nothing(allowed)


@pytest.mark.parametrize("over", [{"offline_total": 2 * AMOUNT - 1}, {"offline_count": 1}])
async def test_over_what_stands_on_it_already(allowed: World, over: dict[str, int]) -> None:
    """Counted from the journal, so that no restart forgets it; what was sent counts no more."""
    await limit(allowed, **over)
    async with allowed.bridge():
        await alone(allowed)
        assert accepted(await sells(allowed))
        await allowed.decide("paid")
    allowed.break_authority(Fault.FAIL, "/v1/authorisations")  # but for its state
    async with allowed.bridge():
        await allowed.device.heard(wire.STATE)
        assert not accepted(await sells(allowed, NEXT))
        allowed.authority.faults.clear()
        await allowed.settled()
        allowed.break_authority(Fault.FAIL)
        assert accepted(await sells(allowed, "sale-after-the-upload"))


async def test_a_decline_is_never_overruled(shop: World) -> None:
    """Who was heard to say no is not away."""
    shop.authority.faults.clear()
    await shop.buyer.admin(f"recipients/{shop.buyer.recipient}", credit_space=0)
    async with shop.watching() as told:
        await shop.handed(patience_s=4)  # the authority answers within it on a busy machine, too
        await told("declined_awaiting_receiver")
        shop.break_authority(Fault.FAIL)
        denied = await told("declined")
    assert outcome(denied) == ("declined", "credit_space")


async def test_without_the_receivers_verdict(shop: World) -> None:
    await shop.handed(patience_s=1)
    assert (await shop.sale())["state"] == "unknown"
    assert not accepted(await shop.sale())


async def test_no_refund(shop: World) -> None:
    """The buyer's phone can wait for money that comes back."""
    await offered(shop, sale_id=EARLIER, amount=100, patience_s=1)
    await shop.pay()
    async with shop.watching() as told:
        refund = await told("reversal_owed")
    assert outcome(refund) == ("cancelled", "reversed")
