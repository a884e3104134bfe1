"""Phones that stammer, fall silent and vanish: a named refusal, and the till still sells."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import pytest

from receiver import exchange, reasons
from simulator.phone import events
from simulator.phone.buyer import Silent, Vanishing
from tests.integration.checkout import is_refusal
from tests.integration.crooks import APPROVAL, CREDENTIAL, Watching, Writing
from tests.integration.siege import NOT_PAID, withstood

if TYPE_CHECKING:
    from simulator.phone.wallet import Wallet
    from tests.integration.checkout import Checkout

pytestmark = pytest.mark.asyncio(loop_scope="module")

MUCH_TOO_SMALL_MTU = 100
FIFTH_PATIENCE_S = 3


# Writes.


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("wrong_type", b""),
        ("wrong_type", b"\x00"),
        ("wrong_type", b"\xff" * 182),
        ("wrong_type", bytes([exchange.RESULT]) + bytes(100)),
        ("malformed", CREDENTIAL),
        ("malformed", APPROVAL + bytes(145)),
        ("malformed", bytes([exchange.LEAVE])),
        ("malformed", bytes([exchange.LEAVE, 99])),
        *[("oversize", APPROVAL + bytes(size - 1)) for size in (183, 244, 245, 512)],
        ("oversize", CREDENTIAL + bytes(182)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value[:1].hex()}x{len(value)}",
)
async def test_a_write_that_has_no_place(
    till: Checkout, other: Wallet, name: str, write: bytes
) -> None:
    async with withstood(till, name):
        outcome = await till.buy(Watching(lambda wallet: Writing(wallet, write)), other)
        assert outcome.result in NOT_PAID


async def test_junk_of_every_length_at_once(till: Checkout, other: Wallet) -> None:
    """One refusal: what comes after it on the same link is not even looked at."""
    chance = random.Random(2)
    junk = [bytes([0x80]) + chance.randbytes(size) for size in range(182)]
    async with withstood(till, "wrong_type"):
        await till.buy(Watching(lambda wallet: Writing(wallet, *junk)), other)


# Links.


async def test_a_phone_below_the_least_mtu(till: Checkout, other: Wallet) -> None:
    async with withstood(till, "small_mtu"):
        outcome = await till.buy(wallet=other, mtu=MUCH_TOO_SMALL_MTU)
        assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.SMALL_MTU)


async def test_silent_phones_that_come_again_and_again(till: Checkout, other: Wallet) -> None:
    sale = await till.ring_up()
    crowd = [asyncio.create_task(_come_again(till, other)) for _ in range(6)]
    await till.event(partial(is_refusal, "evicted"), len(till.events))
    outcome = await till.buy(patience_s=FIFTH_PATIENCE_S)
    assert outcome.result == events.APPROVED
    assert (await till.outcome(sale))["state"] == "approved"
    for task in crowd:
        task.cancel()
    await asyncio.wait(crowd)
    async with withstood(till):
        pass


async def _come_again(till: Checkout, wallet: Wallet) -> NoReturn:
    while True:
        await till.buy(Silent(), wallet)


@pytest.mark.parametrize("at", [exchange.KEY, exchange.CREDENTIAL])
async def test_a_phone_that_vanishes_before_it_has_approved(
    till: Checkout, other: Wallet, at: int
) -> None:
    async with withstood(till):
        outcome = await till.buy(Vanishing(at=at), other)
        assert outcome.result == events.LOST


async def test_a_phone_that_vanishes_while_it_approves(till: Checkout, other: Wallet) -> None:
    """Whether its approval has arrived or not: the sale is paid once."""
    known = till.transactions()
    sale = await till.ring_up()
    lost = await till.buy(Vanishing(at=exchange.APPROVAL), other)
    assert lost.result == events.UNKNOWN
    buying = asyncio.create_task(till.buy())
    final = await till.outcome(sale)
    assert final["state"] == "approved"
    assert till.transactions(but=known) == {final["approval_id"]: "PENDING"}
    buying.cancel()
    await asyncio.wait([buying])
    async with withstood(till):
        pass
