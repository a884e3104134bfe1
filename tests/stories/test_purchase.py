"""Whole purchases through the real processes, as they should go."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode

import pytest

from receiver import reasons
from receiver.crypto import host
from receiver.protocol import messages, signed
from simulator.phone.app.buyer import DEMO_CODE, Buyer, Declining
from simulator.phone.conversation import events
from simulator.phone.wallet.wallet import Wallet
from simulator.world.till import TillError
from tests.support.world.checkout import PRICE, Checkout
from tests.support.world.crooks import Watching

pytestmark = pytest.mark.asyncio(loop_scope="module")

OVER_LIMIT = 624_900
RAISED_LIMIT = 1_000_000
WRONG_CODE = "000000"
LONG_MS = 10_000  # for a phone that needs the authority's answer to go on


async def test_approved(till: Checkout) -> None:
    sale = await till.ring_up()
    outcome = await till.buy()
    final = await till.outcome(sale)
    assert (final["state"], final["reason"], final["amount"]) == ("approved", None, PRICE)
    assert outcome.result == events.APPROVED
    assert outcome.approval_id.hex() == final["approval_id"]
    assert outcome.view is not None
    assert outcome.view.match_code == sale["match_code"] == final["match_code"]
    assert till.transactions()[final["approval_id"]] == "PENDING"


async def test_till_and_phone_get_the_same_receipt(till: Checkout) -> None:
    sale = await till.ring_up()
    outcome = await till.buy()
    final = await till.outcome(sale)
    data = urlsafe_b64decode(final["receipt"] + "==")
    receipt = signed.from_authority(messages.RECEIPT, data, till.world.authority.pins, host)
    assert receipt == outcome.receipt
    assert receipt.transaction_id.hex() == final["transaction_id"]
    assert (receipt.amount, receipt.till) == (PRICE, sale["till"])


async def test_ringing_up_twice_is_one_sale(till: Checkout) -> None:
    sale = await till.ring_up()
    again = await till.world.till.ring_up(PRICE, sale_id=sale["sale_id"])
    assert again["sale_id"] == sale["sale_id"]
    with pytest.raises(TillError) as other:
        await till.world.till.ring_up(PRICE + 1, sale_id=sale["sale_id"])
    assert other.value.status == 409
    assert (await till.buy()).result == events.APPROVED
    final = await till.outcome(sale)
    assert await till.world.till.ring_up(PRICE, sale_id=sale["sale_id"]) == final


async def test_over_the_purchase_limit_until_it_is_raised(till: Checkout) -> None:
    async def raised() -> None:
        buyer = till.world.people.buyers[0]
        await till.world.administer(f"buyers/{buyer.id}", {"purchase_limit": RAISED_LIMIT})

    sale = await till.ring_up(OVER_LIMIT)
    outcome = await till.buy(Buyer(DEMO_CODE, DEMO_CODE, again=raised))
    final = await till.outcome(sale)
    assert (outcome.result, final["state"], final["reason"]) == ("approved", "approved", None)
    declined = await till.told(sale, "mendable")
    assert declined["reason"]["code"] == "purchase_limit"
    assert declined["reason"]["sv"] != declined["reason"]["en"]
    assert declined["state"] == "open"
    assert declined["match_code"] is not None


async def test_a_wrong_code_then_the_right_one(till: Checkout) -> None:
    sale = await till.ring_up()
    outcome = await till.buy(Buyer(WRONG_CODE, DEMO_CODE))
    assert outcome.result == events.APPROVED
    assert (await till.outcome(sale))["state"] == "approved"
    assert sorted(till.new_transactions().values()) == ["DECLINED", "PENDING"]


async def test_a_buyer_says_no_and_another_pays(till: Checkout, other: Wallet) -> None:
    sale = await till.ring_up()
    assert (await till.buy(Declining())).result == events.LEFT
    left = await till.told(sale, "left")
    assert (left["state"], left["reason"]["code"]) == ("open", "buyer_said_no")
    assert (await till.buy(wallet=other)).result == events.APPROVED
    final = await till.outcome(sale)
    assert (final["state"], final["reason"]) == ("approved", None)


async def test_a_phone_that_checks_in_before_the_amount_is_known(till: Checkout) -> None:
    buying = asyncio.create_task(till.buy())
    await till.step("checked_in")
    sale = await till.ring_up()
    await till.step(events.ASKED)  # it does not show an offer that came by itself
    assert (await buying).result == events.APPROVED
    assert (await till.outcome(sale))["state"] == "approved"


async def test_two_sales_in_a_row(till: Checkout) -> None:
    first = await till.ring_up()
    assert (await till.buy()).result == events.APPROVED
    second = await till.ring_up(PRICE + 100)
    outcome = await till.buy()
    finals = [await till.outcome(sale) for sale in (first, second)]
    assert [final["state"] for final in finals] == ["approved", "approved"]
    assert len({final["approval_id"] for final in finals}) == 2
    assert outcome.view is not None
    assert outcome.view.amount == PRICE + 100


async def test_a_fourth_mendable_decline_ends_the_sale(till: Checkout, other: Wallet) -> None:
    sale = await till.ring_up()
    outcome = await till.buy(Buyer(*[WRONG_CODE] * 4), other)
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.CODE_WRONG)
    final = await till.outcome(sale)
    assert (final["state"], final["reason"]["code"]) == ("declined", "code_wrong")
    assert list(till.new_transactions().values()) == ["DECLINED"] * 4


async def test_the_cashier_cancels_while_a_phone_looks(till: Checkout) -> None:
    sale = await till.ring_up()
    buying = asyncio.create_task(till.buy(Watching()))
    await till.step(events.SHOWN)
    cancelled = await till.world.till.cancel(sale["sale_id"])
    assert (cancelled["state"], cancelled["reason"]["code"]) == ("cancelled", "cashier_cancelled")
    outcome = await buying
    assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.OFFER_EXPIRED)


async def test_two_phones_at_once_pay_one_sale_each(till: Checkout, other: Wallet) -> None:
    sales = [await till.ring_up()]
    # Whoever comes too late types the code again, for the next sale.
    buying = [
        asyncio.create_task(till.buy(Buyer(DEMO_CODE, DEMO_CODE), wallet, ask_ms=LONG_MS))
        for wallet in (till.wallet, other)
    ]
    await asyncio.wait(buying, return_when=asyncio.FIRST_COMPLETED)
    sales.append(await till.ring_up())
    outcomes = [await task for task in buying]
    assert [outcome.result for outcome in outcomes] == [events.APPROVED] * 2
    finals = [await till.outcome(sale) for sale in sales]
    assert [final["state"] for final in finals] == ["approved"] * 2
    paid = {outcome.approval_id.hex(): "PENDING" for outcome in outcomes}
    assert paid == till.new_transactions()
    assert set(paid) == {final["approval_id"] for final in finals}
