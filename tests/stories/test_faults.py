"""What breaks around a sale: the line, the receiver, the authority, the bridge itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

import pytest
import pytest_asyncio

from receiver import reasons
from simulator.authority import Fault
from simulator.hardware.serial_line.config import BOOT_TEXT
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Act, Look, View
from simulator.phone.wallet.wallet import Wallet
from simulator.world.world import Settings
from tests.support.values import evidence
from tests.support.world.checkout import AUTHORISATIONS, Checkout, Json, checkout
from tests.support.world.crooks import Crook, Interrupted, Presenting, Watching

pytestmark = pytest.mark.asyncio(loop_scope="module")

AUTHORITY_TIMEOUT_S = 0.7
ANSWER_S = 0.5  # of an authority that takes its time
ASK_MS = 10_000  # for phones that are to learn how it ended
TRACEBACK = """\
Traceback (most recent call last):
  File "firmware/device/boot.py", line 31, in main
MemoryError: memory allocation failed, allocating 512 bytes\r\n"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter() -> AsyncIterator[Checkout]:
    """A world whose bridge does not wait long for the authority."""
    async with checkout(Settings(authority_timeout_s=AUTHORITY_TIMEOUT_S)) as one:
        yield one


async def approved(till: Checkout, sale: Json, *, offers: int = 1) -> Json:
    """The sale, approved by exactly one hold of all that came since it was rung up."""
    final = await till.outcome(sale)
    assert (final["state"], final["reason"]) == ("approved", None)
    assert till.count(sale, "offered") == offers
    return final


def once(work: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[None]]:
    """`work`, but only the first time."""
    left = [work]

    async def do() -> None:
        if left:
            await left.pop()()

    return do


# The line.


@pytest.mark.parametrize(
    "noise",
    [
        {"do": "garbage", "to": "host", "bytes": 2000},
        {"do": "garbage", "to": "device", "bytes": 2000},
        {"do": "text", "text": BOOT_TEXT * 3},
        {"do": "text", "text": TRACEBACK * 3},
        {"do": "text", "text": "\0" * 300},
    ],
    ids=["to_host", "to_device", "boot", "traceback", "delimiters"],
)
async def test_noise_while_the_approval_crosses_the_line(till: Checkout, noise: Json) -> None:
    sale = await till.ring_up()
    async with till.refusing():
        buying = asyncio.create_task(till.buy(Interrupted(between=lambda: till.ask(**noise))))
        assert (await buying).result == events.APPROVED
        await approved(till, sale)


async def test_text_of_a_boot_lands_in_the_raw_log(till: Checkout) -> None:
    before = await till.raw()
    sale = await till.ring_up()
    await till.ask("text", text=TRACEBACK)
    assert (await till.buy()).result == events.APPROVED
    await approved(till, sale)
    assert await till.raw() > before
    assert "MemoryError" in till.world.bridge.log.read_text()


@pytest.mark.parametrize(
    "moment", ["claimed", "approval_received", "authorisation_sent", "verified", "till_notified"]
)
async def test_the_line_is_cut_for_a_moment(till: Checkout, moment: str) -> None:
    if moment == "verified":  # so that the authority's word comes last
        till.slow_down(ANSWER_S)
    sale = await till.ring_up()
    buying = asyncio.create_task(till.buy())
    await till.told(sale, moment)
    await till.ask("cut", ms=250)
    assert (await buying).result == events.APPROVED
    await approved(till, sale)


async def test_unplugged_while_the_buyer_types(till: Checkout) -> None:
    async def replug() -> None:
        await unplugged(till)
        await plugged(till)

    sale = await till.ring_up()
    outcome = await till.buy(Interrupted(between=replug))
    assert outcome.result == events.APPROVED
    await approved(till, sale)


async def test_unplugged_with_the_approval_under_way(till: Checkout) -> None:
    sale = await till.ring_up()
    buying = asyncio.create_task(till.buy())
    await till.step("approval_written")
    await unplugged(till)
    await plugged(till)
    assert (await buying).result == events.APPROVED
    await approved(till, sale)


async def unplugged(till: Checkout) -> None:
    mark = len(till.events)
    await till.ask("unplug")
    await till.receiver(up=False, since=mark)


async def plugged(till: Checkout) -> None:
    mark = len(till.events)
    await till.ask("replug")
    await till.receiver(up=True, since=mark)


# The receiver.


class Looking(Interrupted):
    """Looks at an offer that comes by itself, too."""

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        if view.kind == events.ASKED:
            yield Look()
        async for act in super().act(view):
            yield act


async def test_a_reset_while_the_buyer_types(till: Checkout) -> None:
    """The sale goes on with a new offer, on the link that the phone has found again."""

    async def reset_and_wait() -> None:
        await till.reset()
        await asyncio.Event().wait()  # until another screen comes

    sale = await till.ring_up()
    outcome = await till.buy(Looking(between=once(reset_and_wait)))
    assert outcome.result == events.APPROVED
    await approved(till, sale, offers=2)


async def test_a_reset_with_the_approval_in_hand(till: Checkout, other: Wallet) -> None:
    """Nobody knows of that approval but its phone; another pays, once."""
    sale = await till.ring_up()
    buying = asyncio.create_task(till.buy(wallet=other))
    await till.step("approval_written")
    await till.reset()
    assert (await buying).result == events.UNKNOWN
    assert (await till.buy()).result == events.APPROVED
    final = await approved(till, sale, offers=2)
    assert till.new_transactions() == {final["approval_id"]: "PENDING"}


async def test_a_reset_after_the_verdict(till: Checkout) -> None:
    """The approval is the bridge's by then; the phone learns the end from the authority."""
    till.slow_down(ANSWER_S)
    sale = await till.ring_up()
    buying = asyncio.create_task(till.buy(ask_ms=ASK_MS))
    await till.told(sale, "verified")
    await till.reset()
    final = await approved(till, sale)
    outcome = await buying
    assert outcome.result == events.APPROVED
    assert outcome.approval_id.hex() == final["approval_id"]


async def test_a_bridge_that_starts_before_its_receiver(till: Checkout) -> None:
    await unplugged(till)
    await till.restart_bridge(SIGTERM)
    sale = await till.ring(100)
    assert (sale["state"], sale["match_code"]) == ("open", None)
    await plugged(till)
    await till.told(sale, "offered")
    assert (await till.buy()).result == events.APPROVED
    await approved(till, sale)


async def test_a_receiver_that_never_comes(till: Checkout) -> None:
    await unplugged(till)
    sale = await till.ring(100, patience_s=1)
    final = await till.outcome(sale)
    assert (final["state"], final["reason"]["code"]) == ("cancelled", "receiver_offline")
    await plugged(till)
    await sells(till)


async def test_a_receiver_that_has_not_heard_the_time(till: Checkout, other: Wallet) -> None:
    """It cannot tell that a credential has ended. The bridge can, and refuses what follows by the
    same name: credential and approval."""
    now = int(time.time())
    keys = till.world.authority.office.keys
    ended = evidence.credential(keys, other.key.private, now, expires=now - 1)
    await till.world.authority.stop()
    await till.reset()
    sale = await till.ring_up()
    async with till.refusing(*["credential_expired"] * 2):
        outcome = await till.buy(Crook(lambda wallet: Presenting(wallet, ended)), other)
        assert outcome.result in (events.REFUSED, events.UNKNOWN)
    await till.world.authority.start()
    assert (await till.buy()).result == events.APPROVED
    await approved(till, sale)


async def sells(till: Checkout) -> None:
    """An ordinary sale, from beginning to end."""
    sale = await till.ring_up()
    assert (await till.buy()).result == events.APPROVED
    await approved(till, sale)


# The authority.


async def test_an_authority_that_is_away_for_a_while(till: Checkout) -> None:
    sale = await till.ring_up()
    await till.world.authority.stop()
    buying = asyncio.create_task(till.buy())
    unknown = await till.told(sale, "authority_timeout")
    assert (unknown["state"], unknown["reason"]["code"]) == ("unknown", "authority_unreachable")
    assert (await till.world.till.look(sale["sale_id"]))["state"] == "unknown"
    await till.world.authority.start()
    final = await approved(till, sale)
    assert (await buying).result == events.APPROVED
    assert till.new_transactions() == {final["approval_id"]: "PENDING"}


async def test_an_authority_that_is_away_for_too_long(till: Checkout) -> None:
    """The till never hears "approved": it is cancelled at once, and reversed when that can be."""
    sale = await till.ring_up(patience_s=1)
    await till.world.authority.stop()
    buying = asyncio.create_task(till.buy(ask_ms=ASK_MS))
    final = await till.outcome(sale)
    owed = await till.told(sale, "reversal_owed")
    assert final == owed
    assert (owed["state"], owed["reason"]["code"]) == ("cancelled", "reversed")
    assert owed["settlement"] == "reversing"
    following = await till.ring_up()
    await till.world.authority.start()
    assert await till.told(sale, "reversed") == owed | {"settlement": "reversed"}
    assert till.new_transactions() == {final["approval_id"]: "VOIDED"}
    outcome = await buying
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.REVERSED)
    assert till.count(sale, "authorised") == till.count(sale, "till_notified") == 0
    assert (await till.buy()).result == events.APPROVED
    await approved(till, following)


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
async def test_an_authority_with_a_fault(till: Checkout, fault: Fault) -> None:
    """Asked once more, it answers: one hold, whatever the first time did."""
    break_authority(till, fault, times=1)
    sale = await till.ring_up()
    assert (await till.buy()).result == events.APPROVED
    final = await approved(till, sale)
    assert till.count(sale, "authority_timeout") == 1
    assert till.new_transactions() == {final["approval_id"]: "PENDING"}


async def test_an_authority_whose_answer_never_arrives(till: Checkout) -> None:
    """It holds the amount, and gives it back when the till has lost its patience."""
    break_authority(till, Fault.DROP)
    sale = await till.ring_up(patience_s=1)
    buying = asyncio.create_task(till.buy(ask_ms=ASK_MS))
    await till.told(sale, "authority_timeout")
    assert set(till.new_transactions().values()) == {"PENDING"}
    final = await given_back(till, sale, "reversed")
    assert till.new_transactions() == {final["approval_id"]: "VOIDED"}
    assert till.spent() == 0
    assert (await buying).result in (events.APPROVED, events.DECLINED)


async def given_back(till: Checkout, sale: Json, reason: str) -> Json:
    """The sale, cancelled, once the authority has reversed what it held."""
    final = await till.outcome(sale)
    if final["settlement"] != "reversed":  # else that was told before anybody listened
        final = await till.told(sale, "reversed")
    assert (final["state"], final["settlement"]) == ("cancelled", "reversed")
    assert final["reason"]["code"] == reason
    return final


def break_authority(till: Checkout, fault: Fault, times: int | None = None) -> None:
    faults = till.world.authority.faults
    faults.fault, faults.times, faults.prefix = fault, times, AUTHORISATIONS


# The bridge.


@pytest.mark.parametrize("how", [SIGKILL, SIGTERM], ids=lambda how: how.name)
async def test_a_bridge_that_dies_with_an_open_sale(till: Checkout, how: Signals) -> None:
    sale = await till.ring_up()
    buying = asyncio.create_task(till.buy(Watching()))
    await till.step(events.SHOWN)
    await till.restart_bridge(how)
    final = await till.outcome(sale)
    assert (final["state"], final["reason"]["code"]) == ("cancelled", "bridge_restarted")
    outcome = await buying
    assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.OFFER_EXPIRED)
    await sells(till)


async def test_a_bridge_that_dies_with_a_hold_out(till: Checkout) -> None:
    """What was asked for before the crash is given back after it."""
    break_authority(till, Fault.DROP)
    sale = await till.ring_up()
    buying = asyncio.create_task(till.buy(ask_ms=ASK_MS))
    await till.told(sale, "authority_timeout")
    assert set(till.new_transactions().values()) == {"PENDING"}
    await till.restart_bridge(SIGKILL)
    final = await given_back(till, sale, "bridge_restarted")
    assert till.new_transactions() == {final["approval_id"]: "VOIDED"}
    assert till.spent() == 0
    buying.cancel()
    await asyncio.wait([buying])
    till.world.authority.faults.clear()
    await sells(till)


async def test_a_bridge_that_dies_after_the_approval(till: Checkout) -> None:
    sale = await till.ring_up()
    assert (await till.buy()).result == events.APPROVED
    final = await approved(till, sale)
    await till.restart_bridge(SIGKILL)
    assert await till.world.till.look(sale["sale_id"]) == final
    assert till.transactions()[final["approval_id"]] == "PENDING"
    await sells(till)


# The receiver's store.


@contextmanager
def folder(place: Path) -> Iterator[None]:
    place.mkdir()
    yield
    place.rmdir()


async def test_a_receiver_that_cannot_store_sells_nothing_and_says_why(till: Checkout) -> None:
    """It starts to write beside the old value, where a folder is in its way."""
    assert (await till.reset())["fault"] is None
    with folder(Path(till.world.command.cwd, "sequence.new")):
        final = await till.outcome(await till.ring())
    assert (final["state"], final["reason"]["code"]) == ("declined", "store_failed")
    assert "support" in final["reason"]["sv"]
    again = await till.ring()
    assert (await till.outcome(again))["reason"]["code"] == "store_failed"  # until it is reset
    assert (await till.reset())["fault"] is None
    sale = await till.ring_up()
    assert (await till.buy()).result == "approved"
    await approved(till, sale)
