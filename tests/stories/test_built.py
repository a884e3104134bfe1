"""A receiver that runs a built image sells as one that runs the sources, whatever goes wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from firmware.tools.bundle import slot
from receiver.host.name_map import NameMap
from receiver.protocol import exchange
from simulator.phone.app.buyer import DEMO_CODE, Buyer, Declining, Silent
from simulator.phone.conversation import events
from simulator.phone.wallet.wallet import Wallet
from simulator.world.receiver_command import BUILT, ROOT
from simulator.world.world import Settings
from tests.support.world.checkout import Checkout, checkout
from tests.support.world.crooks import APPROVAL, Watching, Writing
from tests.support.world.crowd import looking, refusing_any, sent_home
from tests.support.world.siege import NOT_PAID, pays, withstood

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRONG_CODE = "000000"
LINKS = 4


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> slot.Slot:
    return slot.write(ROOT, tmp_path_factory.mktemp("image") / "a", slot.Machine())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter(built: slot.Slot) -> AsyncIterator[Checkout]:
    """A world whose receiver runs the image."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(BUILT, str(built.folder))
        async with checkout(Settings(rate=0)) as one:
            yield one


async def test_it_states_its_own_hash_and_sells(till: Checkout, built: slot.Slot) -> None:
    hello = (await till.world.receiver_up())["hello"]
    assert hello["firmware_hash"] == built.firmware_hash
    await pays(till, await till.ring_up())


async def test_a_malformed_write(till: Checkout, other: Wallet, built: slot.Slot) -> None:
    """The board says so in numbers, which mean the same words."""
    write, log = APPROVAL + bytes(145), till.world.bridge.log
    before = len(log.read_text())
    async with withstood(till, "malformed"):
        outcome = await till.buy(Watching(lambda wallet: Writing(wallet, write)), other)
        assert outcome.result in NOT_PAID
    lines = [json.loads(line) for line in log.read_text()[before:].splitlines()]
    (said,) = [line["text"] for line in lines if line["event"] == "receiver says"]
    words = f"malformed: type {exchange.APPROVAL} with {len(write) - 1} bytes"
    assert NameMap.load(built.name_map).log_line(said) == words


async def test_a_write_longer_than_any(till: Checkout, other: Wallet) -> None:
    async with withstood(till, "oversize"):
        write = bytes([exchange.APPROVAL]) * 245
        outcome = await till.buy(Watching(lambda wallet: Writing(wallet, write)), other)
        assert outcome.result in NOT_PAID


async def test_a_wrong_code_then_the_right_one(till: Checkout) -> None:
    sale = await till.ring_up()
    outcome = await till.buy(Buyer(WRONG_CODE, DEMO_CODE))
    final = await till.outcome(sale)
    assert (outcome.result, final["state"]) == (events.APPROVED, "approved")


async def test_a_buyer_who_says_no(till: Checkout) -> None:
    sale = await till.ring_up()
    assert (await till.buy(Declining())).result == events.LEFT
    assert (await till.told(sale, "left"))["reason"]["code"] == "buyer_said_no"
    await pays(till, sale)


async def test_an_evicted_link(till: Checkout, other: Wallet) -> None:
    async with refusing_any(till, "evicted"), AsyncExitStack() as stack:
        sale = await till.ring_up()
        idle = [await looking(till, Silent(), other) for _ in range(LINKS)]
        await stack.enter_async_context(sent_home(idle))
        await pays(till, sale)


async def test_a_reset_and_the_next_sale(till: Checkout, built: slot.Slot) -> None:
    assert (await till.reset())["firmware_hash"] == built.firmware_hash
    await pays(till, await till.ring_up())
