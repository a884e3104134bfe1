"""Money back: the buyer's own phone approves it, or the till's word is enough; the books agree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from receiver import reasons
from simulator.phone.app import screen
from simulator.phone.app.buyer import DEMO_CODE, Buyer
from simulator.phone.conversation import events
from simulator.phone.wallet.wallet import Bought, Wallet
from simulator.world.till import TillError
from tests.support.world.balance import balances
from tests.support.world.checkout import PATIENCE, PRICE, Checkout, Json
from tests.support.world.crooks import Watching

pytestmark = pytest.mark.asyncio(loop_scope="module")

PART = 10_000
ANSWER_S = 0.3  # of an authority that takes its time
ASK_MS = 10_000  # for phones that are to learn how it ended
WRONG_CODE = "000000"


@pytest_asyncio.fixture(loop_scope="module")
async def bought(till: Checkout) -> AsyncIterator[Json]:
    """A purchase that is paid and posted; in the end the books are the till's."""
    sale = await till.sell()
    await till.told(sale, "posted")
    till.begin()
    yield await till.world.till.look(sale["sale_id"])
    await balances(till)


async def asked(till: Checkout, sale: Json, amount: int = PRICE, **more: Any) -> Json:
    """A refund on the air, for the buyer to approve."""
    refund = await till.world.till.refund(amount, sale_id=sale["sale_id"], phone=True, **more)
    assert (refund["state"], refund["sale_id"]) == ("open", sale["sale_id"])
    return await till.told(refund, "offered")


async def done(till: Checkout, refund: Json) -> Json:
    """The refund, once nothing more will happen to it."""
    return await till.world.till.refund_status(refund["refund_id"], PATIENCE)


async def refunds(till: Checkout, sale: Json, amount: int, *, phone: bool) -> Json:
    """All of one refund."""
    if phone:
        refund = await asked(till, sale, amount)
        assert (await till.buy()).result == events.APPROVED
    else:
        refund = await till.world.till.refund(amount, sale_id=sale["sale_id"])
    refund = await done(till, refund)
    assert (refund["state"], refund["amount"], refund["reason"]) == ("refunded", amount, None)
    return refund


def given_back(till: Checkout, sale: Json) -> tuple[int, int]:
    """What the authority's books have of a purchase: refunded, and reserved for that."""
    query = "SELECT refunded, reserved FROM transactions WHERE approval_id = ?"
    name = bytes.fromhex(sale["approval_id"])
    refunded, reserved = till.world.authority.office.store.one(query, name) or (0, 0)
    return refunded, reserved


async def test_the_buyer_approves_it(till: Checkout, bought: Json) -> None:
    refund = await asked(till, bought)
    outcome = await till.buy()
    assert outcome.result == events.APPROVED
    shown = await till.step(events.SHOWN)
    assert shown.details["match_code"] == refund["match_code"]
    assert (screen.sentence(shown) or "").startswith("Återbetalning / Refund: ")
    refund = await done(till, refund)
    assert (refund["state"], refund["approval_id"]) == ("refunded", outcome.approval_id.hex())
    assert refund["original_transaction_id"] == bought["transaction_id"]
    assert given_back(till, bought) == (PRICE, 0)
    assert till.spent() == -PRICE
    assert till.transactions()[refund["approval_id"]] == "POSTED"
    kept = till.wallet.bought[bytes.fromhex(bought["transaction_id"])]
    assert (kept.amount, kept.refunded) == (PRICE, PRICE)


async def test_the_tills_word_is_enough(till: Checkout, bought: Json) -> None:
    await refunds(till, bought, PRICE, phone=False)
    assert given_back(till, bought) == (PRICE, 0)
    assert till.spent() == -PRICE


@pytest.mark.parametrize("phones", [(True, True), (False, False), (True, False), (False, True)])
async def test_in_parts_and_no_further(
    till: Checkout, bought: Json, phones: tuple[bool, bool]
) -> None:
    """At most what was posted, whoever asks, and the last part is what is left."""
    for phone in phones:
        await refunds(till, bought, PART, phone=phone)
    rest = PRICE - 2 * PART
    for phone in (True, False):
        with pytest.raises(TillError) as caught:
            await till.world.till.refund(rest + 1, sale_id=bought["sale_id"], phone=phone)
        assert (caught.value.status, caught.value.kind) == (409, "refund-exceeds")
    assert given_back(till, bought) == (2 * PART, 0)
    await refunds(till, bought, rest, phone=phones[0])
    assert given_back(till, bought) == (PRICE, 0)


async def test_of_a_transaction_that_the_till_names(till: Checkout, bought: Json) -> None:
    """As at another till than that of the purchase."""
    names = {"transaction_id": bought["transaction_id"], "currency": "SEK"}
    refund = await till.world.till.refund(PART, **names, phone=True)
    assert (await till.buy()).result == events.APPROVED
    assert (await done(till, refund))["state"] == "refunded"
    assert given_back(till, bought) == (PART, 0)


@pytest.mark.parametrize("buyer", [0, 1], ids=["the same buyer", "another"])
async def test_a_phone_that_did_not_buy_it(till: Checkout, bought: Json, buyer: int) -> None:
    """It says nothing to the receiver, and the buyer's own phone comes after it."""
    refund = await asked(till, bought)
    async with till.refusing():
        outcome = await till.buy(wallet=await till.world.new_wallet(buyer))
    assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.OTHER_BUYER)
    assert (await till.buy()).result == events.APPROVED
    assert (await done(till, refund))["state"] == "refunded"


async def test_another_buyers_phone_that_says_it_did(till: Checkout, bought: Json) -> None:
    """The authority knows better."""
    stranger = await till.world.new_wallet(1)
    names(stranger, bought)
    refund = await asked(till, bought)
    outcome = await till.buy(wallet=stranger)
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.OTHER_BUYER)
    refund = await done(till, refund)
    assert (refund["state"], refund["reason"]["code"]) == ("declined", "other_buyer")
    assert given_back(till, bought) == (0, 0)


def names(wallet: Wallet, bought: Json) -> None:
    """Let it believe that this was its purchase, for its own invoice recipient."""
    name, recipient = bytes.fromhex(bought["transaction_id"]), wallet.recipients[0].id
    wallet.bought[name] = Bought(name, PRICE, 752, recipient)


async def test_a_wrong_code_then_the_right_one(till: Checkout, bought: Json) -> None:
    refund = await asked(till, bought, PART)
    assert (await till.buy(Buyer(WRONG_CODE, DEMO_CODE))).result == events.APPROVED
    assert (await till.told(refund, "mendable"))["reason"]["code"] == "code_wrong"
    assert (await done(till, refund))["state"] == "refunded"
    assert given_back(till, bought) == (PART, 0)


async def test_the_cashier_stops_while_a_phone_looks(till: Checkout, bought: Json) -> None:
    refund = await asked(till, bought)
    looking = asyncio.create_task(till.buy(Watching()))
    await till.step(events.SHOWN)
    stopped = await till.world.till.abort_refund(refund["refund_id"])
    assert (stopped["state"], stopped["reason"]["code"]) == ("cancelled", "cashier_cancelled")
    outcome = await looking
    assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.OFFER_EXPIRED)
    assert given_back(till, bought) == (0, 0)
    await refunds(till, bought, PRICE, phone=True)  # nothing of it counts any more


async def test_the_cashier_stops_what_the_authority_was_asked(till: Checkout, bought: Json) -> None:
    till.slow_down(ANSWER_S)
    refund = await asked(till, bought)
    approving = asyncio.create_task(till.buy(ask_ms=ASK_MS))
    await till.told(refund, "authorisation_sent")
    stopped = await till.world.till.abort_refund(refund["refund_id"])
    assert stopped["state"] == "cancelled"
    await till.told(refund, "reversed")
    till.world.authority.faults.clear()
    outcome = await approving
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.REVERSED)
    assert given_back(till, bought) == (0, 0)
    await refunds(till, bought, PRICE, phone=True)


async def test_no_phone_comes(till: Checkout, bought: Json) -> None:
    refund = await asked(till, bought, patience_s=1)
    refund = await done(till, refund)
    assert (refund["state"], refund["reason"]["code"]) == ("cancelled", "nobody_came")
    assert given_back(till, bought) == (0, 0)


async def test_what_is_not_paid_yet(till: Checkout, bought: Json) -> None:
    sale = await till.ring_up()
    assert (await till.buy()).result == events.APPROVED
    for phone in (True, False):
        with pytest.raises(TillError) as caught:
            await till.world.till.refund(PART, sale_id=sale["sale_id"], phone=phone)
        assert (caught.value.status, caught.value.kind) == (409, "not-paid")
    await till.keep(sale)
    await till.told(sale, "posted")
