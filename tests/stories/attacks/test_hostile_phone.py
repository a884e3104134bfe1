"""Phones that stammer, fall silent and vanish: a named refusal, and the till still sells."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from functools import partial

import pytest
from bleak.exc import BleakError

from receiver import reasons
from receiver.protocol import exchange
from simulator.phone.app.buyer import Vanishing
from simulator.phone.conversation import events
from simulator.phone.wallet.wallet import Wallet
from tests.support.world.checkout import Checkout, is_refusal
from tests.support.world.crooks import APPROVAL, CREDENTIAL, Watching, Writing
from tests.support.world.led import Led, led
from tests.support.world.siege import NOT_PAID, pays, withstood

pytestmark = pytest.mark.asyncio(loop_scope="module")

MUCH_TOO_SMALL_MTU = 100
CROWD = 6


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
        outcome = await till.buy(Watching(lambda wallet: Writing(wallet, *junk)), other)
        assert outcome.result in NOT_PAID


# Links.


async def test_a_phone_below_the_least_mtu(till: Checkout, other: Wallet) -> None:
    async with withstood(till, "small_mtu"):
        outcome = await till.buy(wallet=other, mtu=MUCH_TOO_SMALL_MTU)
        assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.SMALL_MTU)


async def test_silent_phones_that_come_again_and_again(till: Checkout, other: Wallet) -> None:
    """More than there are links, each back as soon as it was cut."""
    served, mark = asyncio.Event(), len(till.events)
    await till.ring_up()
    async with asyncio.TaskGroup() as crowd:
        coming = [crowd.create_task(_come_again(till, other, served)) for _ in range(CROWD)]
        await till.event(partial(is_refusal, "evicted"), mark)
        await pays(till, till.rung)
        served.set()
    codes = [code for phone in coming for code in phone.result()]
    assert codes
    assert set(codes) == {exchange.BUSY}
    async with withstood(till):
        pass


async def _come_again(till: Checkout, wallet: Wallet, served: asyncio.Event) -> list[int]:
    """What one of them was told each time that it was cut."""
    codes = []
    while not served.is_set():
        with suppress(BleakError, TimeoutError):  # somebody else was faster
            async with led(till, wallet) as phone:
                codes += await _told(phone, served)
    return codes


async def _told(phone: Led, served: asyncio.Event) -> list[int]:
    """The code with which this phone was cut, if it was before the till had sold."""
    refused, sold = asyncio.create_task(phone.refused()), asyncio.create_task(served.wait())
    done, left = await asyncio.wait([refused, sold], return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()
    assert not (refused in done and isinstance(refused.exception(), TimeoutError)), "never cut"
    return [refused.result()] if refused in done else []


@pytest.mark.parametrize("at", [exchange.KEY, exchange.CREDENTIAL])
async def test_a_phone_that_vanishes_before_it_has_approved(
    till: Checkout, other: Wallet, at: int
) -> None:
    async with withstood(till):
        outcome = await till.buy(Vanishing(at=at), other)
        assert outcome.result == events.LOST


async def test_a_phone_that_vanishes_while_it_approves(till: Checkout, other: Wallet) -> None:
    """Whether its approval has arrived or not: the sale is paid once."""
    sale = await till.ring_up()
    lost = await till.buy(Vanishing(at=exchange.APPROVAL), other)
    assert lost.result == events.UNKNOWN
    buying = asyncio.create_task(till.buy())
    final = await till.outcome(sale)
    assert final["state"] == "approved"
    assert till.new_transactions() == {final["approval_id"]: "PENDING"}
    buying.cancel()
    await asyncio.wait([buying])
    async with withstood(till):
        pass
