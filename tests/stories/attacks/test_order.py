"""Attack: the right messages in the wrong order, twice, or more of them than there may be.

The first thing out of place ends the link. An approval that was handed over before stands by
itself: it is the buyer's own, and pays once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import permutations

import pytest

from receiver import reasons
from receiver.protocol import exchange, messages
from simulator.phone.app.buyer import DEMO_CODE
from simulator.phone.wallet.wallet import Wallet
from tests.support.world.checkout import Checkout, Json
from tests.support.world.led import Led, led
from tests.support.world.siege import named, pays, tries, withstood

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER_S = 0.3  # of an authority that takes its time
WRONG_CODE = "000000"

KEY, CREDENTIAL, APPROVAL = "key", "credential", "approval"
IN_ORDER = (KEY, CREDENTIAL, APPROVAL)
OUT_OF_ORDER = [
    *[order for size in (1, 2) for order in permutations(IN_ORDER, size) if order[0] != KEY],
    (KEY, APPROVAL),
    (KEY, KEY),
    (KEY, CREDENTIAL, KEY),
    (KEY, CREDENTIAL, CREDENTIAL),
]


def made(phone: Led) -> dict[str, bytes]:
    """All three messages of one exchange, none of them sent."""
    return {KEY: phone.key(), CREDENTIAL: phone.credential(), APPROVAL: phone.approval()}


@pytest.mark.parametrize("order", OUT_OF_ORDER, ids="_".join)
async def test_out_of_order(till: Checkout, other: Wallet, order: tuple[str, ...]) -> None:
    async with withstood(till, "wrong_order"), led(till, other) as phone:
        say = made(phone)
        await phone.say(*[say[kind] for kind in order])
        assert await phone.refused() == exchange.REFUSED


async def test_a_second_key_and_another_one(till: Checkout, other: Wallet) -> None:
    async with withstood(till, "wrong_order"), led(till, other) as phone:
        another = bytes([exchange.KEY, *range(32)])
        await phone.say(phone.key(), another)
        assert await phone.refused() == exchange.REFUSED


async def test_a_second_credential_and_another_one(till: Checkout, other: Wallet) -> None:
    async with withstood(till, "wrong_order"), led(till, other) as phone:
        await phone.say(phone.key(), phone.credential(), phone.credential())
        assert await phone.refused() == exchange.REFUSED


@pytest.mark.parametrize("said", range(3), ids=["at_once", "after_the_key", "with_a_credential"])
async def test_leaving_is_the_last_word(till: Checkout, other: Wallet, said: int) -> None:
    """What comes after it on the same link is not even looked at."""
    leave = bytes([exchange.LEAVE, exchange.LEAVE_CANCELLED])
    async with withstood(till) as sale, led(till, other) as phone:
        say = list(made(phone).values())
        await phone.say(*say[:said], leave, *say[said:])
        await phone.cut()
        left = await till.told(sale, "left")
        assert (left["state"], left["reason"]["code"]) == ("open", "buyer_said_no")


# Beside an approval that stands.


@asynccontextmanager
async def handed(till: Checkout, wallet: Wallet, code: str = DEMO_CODE) -> AsyncIterator[Led]:
    """A phone whose approval is with the bridge, and the authority takes its time."""
    till.slow_down(ANSWER_S)
    sale = await till.ring_up()
    async with led(till, wallet) as phone:
        await phone.say(phone.key(), phone.credential(), phone.approval(code))
        await till.told(sale, "approval_received")
        yield phone
    till.world.authority.faults.clear()


async def stands(till: Checkout, phone: Led) -> Json:
    """The sale, paid by the approval of that phone and by no other."""
    final = await till.outcome(till.rung)
    assert (final["state"], till.count(final, "approval_received")) == ("approved", 1)
    assert final["approval_id"] == phone.signed.pending.approval_id.hex()
    assert till.new_transactions() == {final["approval_id"]: "PENDING"}
    return final


@pytest.mark.parametrize("kind", [KEY, CREDENTIAL])
async def test_beginning_anew_beside_an_approval(till: Checkout, other: Wallet, kind: str) -> None:
    async with named(till, "wrong_order"), handed(till, other) as phone:
        first = phone.signed
        await phone.say(made(phone)[kind])
        phone.signed = first
        assert await phone.refused() == exchange.REFUSED
        await stands(till, phone)
    await pays(till, await till.ring_up())


async def test_a_second_approval_beside_the_first(till: Checkout, other: Wallet) -> None:
    """With another counter, and so another one for the authority: it never gets there."""
    async with named(till, "second_approval"), handed(till, other) as phone:
        first = phone.signed
        await phone.say(phone.approval())
        phone.signed = first
        assert await phone.refused() == exchange.REFUSED
        await stands(till, phone)
    await pays(till, await till.ring_up())


@pytest.mark.parametrize("kind", [KEY, CREDENTIAL, APPROVAL])
async def test_more_words_after_the_result(till: Checkout, other: Wallet, kind: str) -> None:
    name = "second_approval" if kind == APPROVAL else "wrong_order"
    sale = await till.ring_up()
    async with named(till, name), led(till, other) as phone:
        await phone.say(*made(phone).values())
        receipt = await phone.receipt()
        first = phone.signed
        await phone.say(made(phone)[kind])
        phone.signed = first
        assert await phone.refused() == exchange.REFUSED
        final = await stands(till, phone)
        assert (final["sale_id"], final["amount"]) == (sale["sale_id"], receipt.amount)
    await pays(till, await till.ring_up())


# The same bytes again.


async def test_the_same_approval_again_and_again(till: Checkout, other: Wallet) -> None:
    """Before the result it changes nothing, afterwards it is answered with the same bytes."""
    async with named(till), handed(till, other) as phone:
        approval = phone.signed.writes[0]
        await phone.say(approval, approval)
        result = await phone.notified()
        assert result[0] == exchange.RESULT
        for _ in range(2):
            await phone.say(approval)
            assert await phone.notified() == result
        final = await stands(till, phone)
        assert till.spent() == final["amount"]
    await pays(till, await till.ring_up())


async def test_the_same_wrong_code_again_counts_one_try(till: Checkout, other: Wallet) -> None:
    async with named(till), handed(till, other, WRONG_CODE) as phone:
        await phone.say(*phone.signed.writes * 3)
        receipt = await phone.receipt()
        assert (receipt.outcome, receipt.reason) == (messages.DECLINED, reasons.CODE_WRONG)
        assert tries(till, other) == 1
        assert list(till.new_transactions().values()) == ["DECLINED"]
        await pays(till, till.rung)
