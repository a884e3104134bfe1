"""A receiver that runs a built image sells as one that runs the sources, whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from firmware.device.main import SERVICE_AFTER
from firmware.tools.bundle import slot
from receiver.protocol import exchange
from simulator.phone.app.buyer import DEMO_CODE, Buyer, Declining, Silent
from simulator.phone.conversation import events
from simulator.phone.wallet.wallet import Wallet
from simulator.world.receiver_command import BUILT, ROOT
from simulator.world.world import Settings
from tests.conftest import SlotOf
from tests.support.world.checkout import PATIENCE, Checkout, checkout
from tests.support.world.crooks import APPROVAL, Watching, Writing
from tests.support.world.crowd import looking, refusing_any, sent_home
from tests.support.world.liars import Lie, lying
from tests.support.world.siege import NOT_PAID, pays, withstood

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRONG_CODE = "000000"
LINKS = 4
# A firmware that crashes at every sale.
HANDED = "                self.receiver.handle(io.WireMessage(event.channel, event.payload), now)\n"
CRASH = Lie(
    "firmware/device/serial.py",
    HANDED,
    "                if event.channel == wire.OPEN:\n"
    "                    raise ValueError('an order of %d bytes' % len(event.payload))\n" + HANDED,
)


@pytest.fixture(scope="module")
def built(slot_of: SlotOf) -> slot.Slot:
    return slot_of(slot.Machine())


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


def entries(log: str, event: str) -> list[dict[str, Any]]:
    lines = map(json.loads, log[: log.rfind("\n") + 1].splitlines())
    return [line for line in lines if line["event"] == event]


async def test_a_malformed_write(till: Checkout, other: Wallet) -> None:
    """The board says so in numbers; the bridge's log has the words."""
    write, log = APPROVAL + bytes(145), till.world.bridge.log
    before = len(_text(log))
    async with withstood(till, "malformed"):
        outcome = await till.buy(Watching(lambda wallet: Writing(wallet, write)), other)
        assert outcome.result in NOT_PAID
    (said,) = entries(_text(log)[before:], "receiver says")
    assert said["text"] == f"malformed: type {exchange.APPROVAL} with {len(write) - 1} bytes"


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


async def test_a_crash_is_one_entry_in_words(
    till: Checkout, built: slot.Slot, tmp_path: Path
) -> None:
    """Told by the firmware's next start, and after crashes in a row by service mode."""
    log, store = till.world.bridge.log, Path(till.world.command.cwd)
    async with lying(till, tmp_path, CRASH):
        shutil.copy(tmp_path / "built.names.json", built.folder.parent)
        before = len(_text(log))
        final = await till.outcome(await till.ring())
        assert (final["state"], final["reason"]["code"]) == ("declined", "crash_loop")
        said = await told(log, before, SERVICE_AFTER)
        (store / "crashes").unlink()
    at = (ROOT / CRASH.file).read_text().split("    def _drain")[0].count("\n") + 1
    words = (
        rf'  File "{CRASH.file}", line {at}, in Serial\._drain\nValueError: an order of \d+ bytes\n'
    )
    texts = [one["text"] for one in said]
    assert all(re.search(words + "$", text) for text in texts), texts
    raw = [one["text"] for one in entries(_text(log)[before:], "not a frame")]
    whole = [text for text in raw if "Traceback" in text]
    assert len(whole) == SERVICE_AFTER
    assert all(re.search(rf"^Traceback (.*\n)*{words}", text) for text in whole), whole


def _text(log: Path) -> str:
    return log.read_text()


async def told(log: Path, before: int, times: int) -> list[dict[str, Any]]:
    """What the log has of so many crashes from there on, once it has it."""
    async with asyncio.timeout(PATIENCE):
        while len(found := entries(_text(log)[before:], "receiver crashed")) < times:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
    return found
