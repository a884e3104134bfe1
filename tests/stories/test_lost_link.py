"""A link is cut in mid-purchase, over the real processes: the buyer notices nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from receiver.protocol import exchange
from simulator.phone.conversation import events
from simulator.phone.wallet.wallet import Wallet
from tests.support.world.checkout import Checkout
from tests.support.world.crowd import Gate, pays, typing
from tests.support.world.liars import Lie, lying
from tests.support.world.middle import Middle, in_the_middle

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A receiver that waits for lost phones so shortly that none comes back in time.
HASTY = Lie("receiver/protocol/gatt.py", "RESUME_MS = 10_000", "RESUME_MS = 10")
BACK_MS = 1_500  # the goal for the time that a lost link costs


async def back(till: Checkout) -> None:
    """The phone has come back, in good time."""
    assert (await till.step("resumed")).details["lost_ms"] <= BACK_MS


def said_once(till: Checkout, middle: Middle) -> None:
    """One key, one credential, one approval's bytes; one screen; nothing refused."""
    for kind in (exchange.KEY, exchange.CREDENTIAL, exchange.APPROVAL):
        assert len({said.data for said in middle.of(kind)}) == 1
    shown = [step for step in till.steps if step.name in (events.ASKED, events.SHOWN)]
    assert len(shown) == 1
    assert not [step for step in till.steps if step.name in ("again", "unknown", "ignored")]


async def test_while_the_buyer_types(till: Checkout, other: Wallet) -> None:
    """The last digits are typed while the link is lost."""
    async with till.refusing():
        sale = await till.ring_up()
        with in_the_middle() as middle:
            gate = Gate()
            buying = await typing(till, sale, other, gate)
            till.world.radio.cut(middle.of(exchange.KEY)[0].phone)
            await till.step("link_lost")
            gate.open()
            outcome = await buying
            await back(till)
            said_once(till, middle)
        assert outcome.result == events.APPROVED
        assert await pays(till, sale) == outcome.approval_id.hex()


async def test_three_times_while_the_buyer_types(till: Checkout, other: Wallet) -> None:
    async with till.refusing():
        sale = await till.ring_up()
        with in_the_middle() as middle:
            gate = Gate()
            buying = await typing(till, sale, other, gate)
            for _ in range(3):
                mark = len(till.steps)
                till.world.radio.cut(middle.of(exchange.KEY)[0].phone)
                await till.step("resumed", mark)
            gate.open()
            outcome = await buying
            said_once(till, middle)
        assert outcome.result == events.APPROVED
        assert await pays(till, sale) == outcome.approval_id.hex()


async def test_with_the_approval_on_the_air(till: Checkout, other: Wallet) -> None:
    """The receiver never got it: it gets the same bytes again, from the phone that came back."""
    async with till.refusing():
        sale = await till.ring_up()
        with in_the_middle() as middle:
            middle.hold(exchange.APPROVAL)
            buying = asyncio.create_task(till.buy(wallet=other))
            await middle.until_held(1)
            middle.forget()
            till.world.radio.cut(middle.of(exchange.APPROVAL)[0].phone)
            outcome = await buying
            await back(till)
            assert len(middle.of(exchange.APPROVAL)) == 2
            said_once(till, middle)
        assert outcome.result == events.APPROVED
        assert await pays(till, sale) == outcome.approval_id.hex()


async def test_with_the_result_on_the_air(till: Checkout, other: Wallet) -> None:
    """The authority may answer first, and the receiver repeats its answer: both say the same."""
    async with till.refusing():
        sale = await till.ring_up()
        with in_the_middle() as middle:
            middle.hold(exchange.RESULT)
            buying = asyncio.create_task(till.buy(wallet=other))
            await middle.until_held(1)
            middle.forget()
            till.world.radio.cut(middle.of(exchange.KEY)[0].phone)
            outcome = await buying
            said_once(till, middle)
        assert outcome.result == events.APPROVED
        assert await pays(till, sale) == outcome.approval_id.hex()


async def test_a_receiver_that_has_forgotten_it(
    till: Checkout, other: Wallet, tmp_path: Path
) -> None:
    """The phone begins anew by itself: the digits count, and nothing is shown again."""
    async with lying(till, tmp_path, HASTY):
        sale = await till.ring_up()
        with in_the_middle() as middle:
            gate = Gate()
            buying = await typing(till, sale, other, gate)
            till.world.radio.cut(middle.of(exchange.KEY)[0].phone)
            await till.step("resumed")
            gate.open()
            outcome = await buying
            assert len({said.data for said in middle.of(exchange.KEY)}) == 2
        shown = [step for step in till.steps if step.name == events.SHOWN]
        assert (outcome.result, len(shown)) == (events.APPROVED, 1)
        assert await pays(till, sale) == outcome.approval_id.hex()
