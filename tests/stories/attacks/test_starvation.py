"""Attackers that hold the radio's buffers without end, and an honest phone that pays beside them.

No time is asserted: each wait has patience for a busy machine. What counts is the order. The honest
phone is never cut, those who hold the buffers are, and the sale is paid with the first approval.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest

from simulator.phone.app.buyer import Buyer
from simulator.phone.conversation.events import APPROVED
from tests.support.world.checkout import Checkout, is_refusal
from tests.support.world.crooks import Interrupted
from tests.support.world.crowd import Gate, pays, sent_home, typing
from tests.support.world.starving import starved

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER_S = 2.5  # longer than the door stays shut after the last cut: attackers come before it

ATTACKERS = pytest.mark.parametrize(
    ("count", "polite"),
    [(1, False), (2, False), (3, False), (1, True), (2, True), (3, True)],
    ids=["one", "two", "three", "one_with_mtu", "two_with_mtu", "three_with_mtu"],
)


@asynccontextmanager
async def paid_beside(
    till: Checkout, count: int, *, polite: bool, links: int = 1
) -> AsyncIterator[None]:
    """The sale is paid inside, beside so many attackers, of whom one at least is cut for it.

    The honest phone has so many links at most.
    """
    mark = len(till.events)
    async with starved(till, count, polite=polite):
        yield
        await pays(till, till.rung)
        await till.event(partial(is_refusal, "starved"), mark)
    assert [step.name for step in till.steps].count("connected") <= links


@ATTACKERS
async def test_before_the_phone_connects(till: Checkout, count: int, polite: bool) -> None:
    await till.ring_up()
    async with paid_beside(till, count, polite=polite):
        assert (await till.buy()).result == APPROVED


@ATTACKERS
async def test_after_it_has_connected(till: Checkout, count: int, polite: bool) -> None:
    """It is checked in, and waits for the sale. Without a key it may have to come again."""
    buying = asyncio.create_task(till.buy(Buyer()))
    async with sent_home([buying]):
        await till.step("checked_in")
        async with paid_beside(till, count, polite=polite, links=2):
            await till.ring_up()
            assert (await buying).result == APPROVED


@ATTACKERS
async def test_while_the_buyer_looks_at_the_offer(till: Checkout, count: int, polite: bool) -> None:
    await till.ring_up()
    gate = Gate()
    buying = asyncio.create_task(till.buy(Interrupted(before=gate)))
    async with sent_home([buying]):
        await gate.reached.wait()
        async with paid_beside(till, count, polite=polite):
            gate.open()
            assert (await buying).result == APPROVED


@ATTACKERS
async def test_while_the_buyer_types(till: Checkout, count: int, polite: bool) -> None:
    """The approval is written while no buffer is left, and is in flight until one is."""
    sale = await till.ring_up()
    gate = Gate()
    buying = await typing(till, sale, till.wallet, gate)
    async with sent_home([buying]), paid_beside(till, count, polite=polite):
        gate.open()
        assert (await buying).result == APPROVED


@ATTACKERS
async def test_while_the_result_is_due(till: Checkout, count: int, polite: bool) -> None:
    """The approval is with the authority, whose answer finds no buffer."""
    till.slow_down(ANSWER_S)
    await till.ring_up()
    buying = asyncio.create_task(till.buy())
    async with sent_home([buying]):
        await till.step("approval_written")
        async with paid_beside(till, count, polite=polite):
            assert (await buying).result == APPROVED
