"""Purchases that are accepted while the authority is away, and how the authority ends them.

All is real: the receiver's own word, the phone that reads it, the bridge's process, the books.
"""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGKILL

import pytest
import pytest_asyncio

from receiver.protocol import messages, signed
from simulator.authority import Fault
from simulator.authority.accounts.limits import OFF, Limits
from simulator.phone.app.buyer import Buyer
from simulator.phone.conversation import events
from simulator.phone.wallet.wallet import Wallet
from simulator.world.world import Settings
from tests.support.world.alone import (
    LIMITS,
    PATIENCE_S,
    Bought,
    accepted,
    away,
    buys,
    emptied,
    ends,
    heard,
    kept,
    learns,
    limit,
    limited,
    not_accepted,
    proved,
    unsent,
)
from tests.support.world.balance import balances
from tests.support.world.checkout import AUTHORISATIONS, PRICE
from tests.support.world.liars import Lie, lying
from tests.support.world.tap import TappedCheckout, tapped_checkout

pytestmark = pytest.mark.asyncio(loop_scope="module")

AUTHORITY_TIMEOUT_S = 0.7
HOUR_S = 3600
ASK_MS = 10_000  # for phones that are to learn how it ended
WRONG_CODE = "000000"
# A receiver that gives no word of its own, whatever the limits are.
UNWILLING = Lie(
    "receiver/core/identity.py",
    "        if offer.kind != messages.PURCHASE:\n"
    '            raise Error(reasons.WRONG_KIND, "a refund offline")\n',
    "        raise Error(reasons.ABOVE_FLOOR, 'a lie')\n",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter() -> AsyncIterator[TappedCheckout]:
    """A world in which some may be bought without the authority, and a phone that may do so."""
    settings = Settings(rate=0, authority_timeout_s=AUTHORITY_TIMEOUT_S, offline=LIMITS)
    async with tapped_checkout(settings) as till:
        await heard(till, LIMITS, 0)
        yield till


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def settled(till: TappedCheckout) -> AsyncIterator[None]:
    """A phone that may buy offline; in the end nothing is owed, and the books are the till's."""
    await till.sell()  # by a right code
    till.begin()
    yield
    till.world.authority.faults.clear()
    await emptied(till)
    await balances(till)


async def test_accepted_paid_sent_and_posted(till: TappedCheckout) -> None:
    async with away(till):
        bought = accepted(await buys(till))
        proved = await till.told(bought.sale, "provisional_receipt")
        paid = await till.keep(bought.sale)
        assert (paid["state"], paid["settlement"]) == ("paid", "owed")
        assert await unsent(till) == [bought.approval_id]
    posted = await ends(till, bought, "posted")
    assert posted["offline"]
    assert await unsent(till) == []
    assert till.new_transactions() == {bought.approval_id: "POSTED"}
    assert till.spent() == PRICE
    assert await learns(till, bought) == events.APPROVED
    word = signed.parse(messages.PROVISIONAL, octets(proved["provisional_receipt"])).value
    assert word.approval_id == bought.outcome.approval_id
    receipt = signed.parse(messages.RECEIPT, octets(posted["receipt"])).value
    assert receipt.transaction_id in till.wallet.bought


def octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")


async def test_it_goes_by_itself(till: TappedCheckout) -> None:
    """Nobody needs to say that the authority is back."""
    async with away(till):
        bought = await kept(till)
    assert (await till.told(bought.sale, "posted"))["settlement"] == "posted"


async def test_a_phone_that_still_waits_hears_of_it(till: TappedCheckout) -> None:
    async with away(till):
        sale = await till.ring_up(patience_s=PATIENCE_S)
        buying = asyncio.create_task(till.buy(ask_ms=ASK_MS))
        assert (await till.outcome(sale))["offline"]
        await till.step("provisional")
        await till.keep(sale)
    await emptied(till)
    assert (await buying).result == events.APPROVED


async def test_what_the_authority_held_already_is_posted_once(till: TappedCheckout) -> None:
    """It books the approval, but no answer of it arrives before the till has lost its patience."""
    faults = till.world.authority.faults
    faults.fault, faults.prefix = Fault.DROP, AUTHORISATIONS
    sale = await till.ring_up(patience_s=PATIENCE_S)
    outcome = await till.buy()
    bought = Bought(await till.outcome(sale), outcome)
    assert bought.sale["offline"]
    assert till.new_transactions() == {bought.approval_id: "PENDING"}
    await till.keep(sale)
    faults.clear()
    await ends(till, bought, "posted")
    assert till.new_transactions() == {bought.approval_id: "POSTED"}
    assert outcome.result == events.APPROVED


# Not accepted: given back as ever.


async def test_over_the_floor_of_the_receiver(till: TappedCheckout) -> None:
    async with away(till):
        bought = not_accepted(await buys(till, amount=PRICE + 1))
    await ends(till, bought, "reversed")
    assert await learns(till, bought) == events.DECLINED


async def test_over_the_floor_of_the_credential(till: TappedCheckout, other: Wallet) -> None:
    """No phone has one that has not given a right code."""
    async with away(till):
        bought = not_accepted(await buys(till, wallet=other))
    await ends(till, bought, "reversed")


@pytest.mark.parametrize(
    "limits",
    [LIMITS._replace(sales=1), LIMITS._replace(total=2 * PRICE - 1)],
    ids=["count", "total"],
)
async def test_more_than_may_stand_on_it(till: TappedCheckout, limits: Limits) -> None:
    """A second sale, until the first is sent."""
    async with limited(till, limits):
        async with away(till):
            first = await kept(till)
            second = not_accepted(await buys(till))
        await ends(till, first, "posted")
        await ends(till, second, "reversed")
        async with away(till):
            third = await kept(till)
        await ends(till, third, "posted")


async def test_a_revoked_credential(till: TappedCheckout) -> None:
    """The authority lists it, and the bridge hears of that with the receiver's next state."""
    batch = till.wallet.credentials[till.wallet.recipients[0].id]
    revoked = signed.parse(messages.CREDENTIAL, batch[0]).value
    await till.world.administer(f"credentials/{revoked.id.hex()}", {"revoked": True})
    await limit(till, LIMITS)
    async with away(till):
        bought = not_accepted(await buys(till))
    await ends(till, bought, "reversed")
    async with away(till):
        bought = await kept(till)  # with the next one
    await ends(till, bought, "posted")


async def test_a_receiver_that_may_not_do_so_at_all(till: TappedCheckout) -> None:
    async with limited(till, OFF):
        async with away(till):
            bought = not_accepted(await buys(till))
        await ends(till, bought, "reversed")


async def test_a_refund(till: TappedCheckout) -> None:
    """Whatever the limits are: money goes back when the authority is there."""
    sale = await till.sell()
    await till.told(sale, "posted")
    async with away(till):
        more = {"sale_id": sale["sale_id"], "phone": True, "patience_s": PATIENCE_S}
        refund = await till.world.till.refund(PRICE, **more)
        assert (await till.buy()).result == events.UNKNOWN
        refund = await till.told(refund, "reversal_owed")
        assert (refund["state"], refund["reason"]["code"]) == ("cancelled", "reversed")
        word = await till.world.till.refund(PRICE, sale_id=sale["sale_id"])
        assert word["state"] == "pending"  # a till's word waits
    await emptied(till)
    assert (await till.world.till.refund_status(word["refund_id"]))["state"] == "refunded"


# Accepted, and no money in the end.


async def test_cancelled_before_it_was_sent(till: TappedCheckout) -> None:
    """The authority hears of the reversal alone, and tells the phone."""
    async with away(till):
        bought = accepted(await buys(till))
        cancelled = await till.world.till.cancel(bought.sale["sale_id"])
        assert (cancelled["state"], cancelled["settlement"]) == ("cancelled", "reversing")
        assert await unsent(till) == []
    await ends(till, bought, "reversed")
    assert till.new_transactions() == {bought.approval_id: "VOIDED"}
    assert till.spent() == 0
    assert await learns(till, bought) == events.DECLINED


async def test_declined_when_it_was_sent(till: TappedCheckout) -> None:
    """The goods are gone: the store has the loss, the buyer hears that nothing was paid."""
    space = till.credit_space()
    recipient = f"recipients/{till.wallet.recipients[0].id}"
    async with away(till):
        bought = await kept(till)
        faults = till.world.authority.faults
        faults.fault, faults.prefix = Fault.FAIL, AUTHORISATIONS
    await till.world.administer(recipient, {"credit_space": PRICE - 1})
    faults.clear()
    lost = await ends(till, bought, "liability")
    assert (lost["state"], lost["reason"]["code"]) == ("paid", "credit_space")
    assert till.new_transactions() == {bought.approval_id: "DECLINED"}
    await till.world.administer(recipient, {"credit_space": space})
    assert await learns(till, bought) == events.DECLINED


async def test_a_wrong_code_is_found_out_when_it_was_sent(till: TappedCheckout) -> None:
    """Nobody but the authority can check it."""
    async with away(till):
        bought = accepted(await buys(till, Buyer(WRONG_CODE)))
        await till.keep(bought.sale)
    lost = await ends(till, bought, "liability")
    assert lost["reason"]["code"] == "code_wrong"
    assert await learns(till, bought) == events.DECLINED


async def test_refused_when_it_was_sent(till: TappedCheckout) -> None:
    """The record is booked nowhere, but the phone that holds a provisional receipt is told."""
    authority = till.world.authority
    right = authority._clock
    authority._clock = lambda: right() - HOUR_S  # of an authority that finds it from the future
    try:
        async with away(till):
            bought = await kept(till)
        lost = await ends(till, bought, "liability")
    finally:
        authority._clock = right
    assert (lost["state"], lost["reason"]["code"]) == ("paid", "clock_wrong")
    assert till.new_transactions() == {bought.approval_id: "VOIDED"}
    async with away(till):
        pass  # it is started anew, with the right time
    assert await learns(till, bought) == events.DECLINED


# What breaks in between.


async def test_a_bridge_that_dies_before_it_has_sent_it(till: TappedCheckout) -> None:
    async with away(till):
        bought = accepted(await buys(till))
        await till.restart_bridge(SIGKILL)
        sale = await till.world.till.look(bought.sale["sale_id"])
        assert sale == bought.sale | {"provisional_receipt": proved(till, bought)}
        await till.keep(bought.sale)
        await till.restart_bridge(SIGKILL)
        assert await unsent(till) == [bought.approval_id]
    await ends(till, bought, "posted")
    await till.world.receiver_up()
    assert await learns(till, bought) == events.APPROVED


async def test_a_bridge_that_is_restarted_while_the_authority_is_away(till: TappedCheckout) -> None:
    """The receiver lives on, so the limits that were signed for this life of it do, too."""
    async with away(till):
        await till.restart_bridge(SIGKILL)
        await till.world.receiver_up()
        bought = await kept(till)
    await ends(till, bought, "posted")
    assert await learns(till, bought) == events.APPROVED


async def test_a_receiver_that_will_not_stand_in(till: TappedCheckout, tmp_path: Path) -> None:
    """The till has been told, so the sale stands. Its phone is let go, and asks the authority."""
    mark = len(till.tap.crossed)
    async with lying(till, tmp_path, UNWILLING):
        await heard(till, LIMITS, mark)
        async with away(till):
            async with till.refusing("above_floor"):
                bought = await buys(till)
            assert (bought.sale["state"], bought.sale["offline"]) == ("approved", True)
            assert bought.outcome.result == events.UNKNOWN
            await till.keep(bought.sale)
        posted = await ends(till, bought, "posted")
        assert posted["provisional_receipt"] is None
        mark = len(till.tap.crossed)
    await heard(till, LIMITS, mark)
    assert await learns(till, bought) == events.APPROVED
