"""The same stories with a receiver whose firmware is RISC-V code in the memory of an ESP32-C3."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from simulator.world.receiver_command import Chip
from simulator.world.world import Settings
from tests.stories.test_purchase import (
    test_a_buyer_says_no_and_another_pays,
    test_a_phone_that_checks_in_before_the_amount_is_known,
    test_a_wrong_code_then_the_right_one,
    test_approved,
    test_the_cashier_cancels_while_a_phone_looks,
    test_two_phones_at_once_pay_one_sale_each,
    test_two_sales_in_a_row,
)
from tests.support.world.checkout import Checkout, checkout

pytestmark = pytest.mark.asyncio(loop_scope="module")

__all__ = [
    "test_a_buyer_says_no_and_another_pays",
    "test_a_phone_that_checks_in_before_the_amount_is_known",
    "test_a_wrong_code_then_the_right_one",
    "test_approved",
    "test_the_cashier_cancels_while_a_phone_looks",
    "test_two_phones_at_once_pay_one_sale_each",
    "test_two_sales_in_a_row",
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter(machine: None) -> AsyncIterator[Checkout]:
    async with checkout(Settings(rate=0, chip=Chip())) as one:
        yield one


async def test_it_is_a_chip(till: Checkout) -> None:
    hello = (await till.world.receiver_up())["hello"]
    assert (hello["interpreter"], hello["version"]) == ("micropython", "1.25.0")
    assert "rv32imac" in hello["board"]


async def test_a_reset_in_the_middle_of_a_sale(till: Checkout) -> None:
    """It boots from its image, and the bridge opens the sale again."""
    sale = await till.ring_up()
    await till.reset()
    assert (await till.buy()).result == "approved"
    assert (await till.outcome(sale))["state"] == "approved"
