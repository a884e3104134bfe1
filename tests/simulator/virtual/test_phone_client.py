"""A phone's way to the virtual authority."""

from __future__ import annotations

import asyncio
import time

import pytest

from simulator.authority.api.client import AuthorityError
from simulator.phone.app.authority import TIMEOUT_S
from simulator.phone.conversation.events import NO_ANSWER, UNSEEN
from simulator.phone.wallet.wallet import BATCH, LOW
from simulator.virtual.shop import PHONE_MS
from tests.simulator.virtual.conftest import Run, Store


def test_a_wallet_is_refilled_when_little_is_left(run: Run, new_store: type[Store]) -> None:
    async def work() -> None:
        async with new_store().shop as shop:
            wallet, now = shop.new_wallet(), int(time.time())
            recipient = wallet.chosen(None)
            assert wallet.stock(recipient, now) == BATCH
            assert wallet.buys_offline(recipient, now)
            async with shop.phone_authority(wallet) as client:
                began = time.monotonic()
                await client.refill(wallet, recipient, now)
                assert wallet.stock(recipient, now) == BATCH
                assert time.monotonic() == began
                while wallet.stock(recipient, now) >= LOW:
                    wallet.take_credential(recipient, now)
                await client.refill(wallet, recipient, now)
                assert wallet.stock(recipient, now) == BATCH + LOW - 1
                assert time.monotonic() - began == pytest.approx(2 * PHONE_MS / 1000, abs=1e-3)

    run(work())


def test_the_authority_tells_what_it_knows(run: Run, new_store: type[Store]) -> None:
    async def work() -> None:
        async with new_store().shop as shop:
            client = shop.phone_authority(shop.new_wallet())
            assert (await client.ask(bytes(16))).state == UNSEEN

    run(work())


def test_a_phone_without_network_gets_no_answer(run: Run, new_store: type[Store]) -> None:
    async def work() -> None:
        async with new_store().shop as shop:
            wallet = shop.new_wallet()
            client = shop.phone_authority(wallet)
            client.away = True
            began = asyncio.get_running_loop().time()
            assert (await client.ask(bytes(16))).state == NO_ANSWER
            assert asyncio.get_running_loop().time() - began == pytest.approx(TIMEOUT_S, abs=0.01)
            wallet.credentials.clear()
            with pytest.raises(AuthorityError):
                await client.refill(wallet, wallet.chosen(None), int(time.time()))

    run(work())
