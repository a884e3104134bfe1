"""Crowds at one receiver: who is first pays, who lies costs little, and who is honest is served."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from receiver import reasons
from receiver.protocol import exchange, padding
from simulator.authority.keys import Keys
from simulator.phone.app.buyer import Silent
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Outcome
from simulator.phone.wallet.wallet import Wallet
from tests.support.values import evidence
from tests.support.values.vectors import load
from tests.support.world.checkout import Checkout
from tests.support.world.crooks import Hesitating, Presenting, Watching
from tests.support.world.crowd import (
    Gate,
    keyed,
    looking,
    paid_in_spite_of,
    pays,
    refusals_on_air,
    refusing_any,
    sent_home,
    typing,
)
from tests.support.world.led import Led, led
from tests.support.world.liars import Lie, lying
from tests.support.world.middle import in_the_middle

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIFTH_PATIENCE_S = 3
NOT_FOUND_S = 0.3  # an open till advertises every 20 ms
ASK_MS = 10_000  # for phones that are to learn how it ended
# One spelling of each: keys of one offer are told apart by their first bytes.
SMALL_ORDER = {
    case["public"][:16]: bytes.fromhex(case["public"])
    for case in load("x25519.json")["shared"]
    if case["shared"] is None and len(case["public"]) == 2 * padding.ENC_SIZE
}

# A receiver whose work takes as long as on a chip: a slice of 3 M instructions at 160 MHz.
SLOW = Lie(
    "firmware/device/app.py",
    "            self._receiver.work(now)\n",
    "            __import__('time').sleep_ms(19)\n            self._receiver.work(now)\n",
)
# A receiver that refuses its first candidate where another one waits, good as it is.
PARTIAL = Lie(
    "receiver/core/exchange_pipeline.py",
    "            self._judged(candidate, error, now)\n",
    "            lie = Error(reasons.BAD_SIGNATURE, 'a lie') if self._sale.waiting else error\n"
    "            self._judged(candidate, lie, now)\n",
)


# Two phones approve at once.


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["first", "second"])
async def test_two_approvals_at_once_are_one_candidate_and_one_hold(
    till: Checkout, other: Wallet, order: tuple[int, int]
) -> None:
    """Whose approval arrives first is the candidate; the other reads `busy` and is never seen."""
    sale = await till.ring_up()
    gates = [Gate(), Gate()]
    wallets = [till.wallet, other]
    async with till.refusing():
        with in_the_middle() as middle:
            pairs = zip(wallets, gates, strict=True)
            phones = [await typing(till, sale, wallet, gate) for wallet, gate in pairs]
            middle.hold(exchange.APPROVAL)
            for count, gate in enumerate(gates, 1):
                gate.open()
                await middle.until_held(count)
            middle.release(*order)
            outcomes = [await phone for phone in phones]
        winner, loser = (outcomes[place] for place in order)
        assert (winner.result, loser.result) == (events.APPROVED, events.UNKNOWN)
        assert await pays(till, sale) == winner.approval_id.hex()
    assert loser.approval_id.hex() not in till.transactions()
    assert refusals_on_air(till) == {exchange.BUSY: 1}
    assert [till.count(sale, what) for what in ("approval_received", "authorisation_sent")] == [
        1,
        1,
    ]


async def test_a_candidate_refused_after_the_authority_was_asked_is_reversed_before_the_next(
    till: Checkout, other: Wallet, tmp_path: Path
) -> None:
    """Good for the bridge and bad for the receiver: given back first, then the second pays."""
    async with lying(till, tmp_path, PARTIAL):
        sale = await till.ring_up()
        gates = [Gate(), Gate()]
        async with till.refusing("bad_signature"):
            with in_the_middle() as middle:
                first = await typing(till, sale, other, gates[0], ask_ms=ASK_MS)
                second = await typing(till, sale, till.wallet, gates[1])
                middle.hold(exchange.APPROVAL)
                for count, gate in enumerate(gates, 1):
                    gate.open()
                    await middle.until_held(count)
                middle.release()
                refused, paid = await first, await second
            name = await pays(till, sale)
        assert (refused.result, paid.result) == (events.DECLINED, events.APPROVED)
        assert name == paid.approval_id.hex()
        assert till.new_transactions() == {
            name: "PENDING",
            refused.approval_id.hex(): "VOIDED",
        }
        told = ("approval_received", "authorisation_sent", "recalled", "recall_reversed")
        assert [till.count(sale, what) for what in told] == [2, 2, 1, 1]
        recalled = next(
            at for at, event in enumerate(till.events) if event.get("what") == "recalled"
        )
        await till.told(sale, "till_notified", recalled)


# Junk.


async def test_keys_of_small_order_are_refused_while_an_honest_buyer_types(
    till: Checkout, other: Wallet
) -> None:
    """All of them, zeros too, by `bad_key`, on two links at once."""
    keys = [bytes([exchange.KEY]) + public for public in SMALL_ORDER.values()]
    async with paid_in_spite_of(till, *["bad_key"] * len(keys)):
        for at in range(0, len(keys), 2):
            await _say(till, other, *[(key,) for key in keys[at : at + 2]])


async def test_a_key_that_was_sent_before_is_refused_while_an_honest_buyer_types(
    till: Checkout, other: Wallet
) -> None:
    """By `replay`, whoever sent it before: two answers would go out under one nonce."""
    key = bytes([exchange.KEY]) + os.urandom(padding.ENC_SIZE)
    async with paid_in_spite_of(till, "replay"), led(till, other) as first:
        await first.say(key)
        async with led(till, other) as second:
            await second.say(key)
            await second.cut()


async def test_random_keys_with_junk_credentials_are_refused_while_an_honest_buyer_types(
    till: Checkout, other: Wallet
) -> None:
    """By `bad_seal`: a random key agrees on something, which opens nothing."""
    async with paid_in_spite_of(till, *["bad_seal"] * 4):
        for _ in range(2):
            await _say(till, other, _junk(), _junk())


async def test_forged_credentials_are_refused_while_an_honest_buyer_types(
    till: Checkout, other: Wallet, forged: bytes
) -> None:
    """By `bad_signature`, on two links at once."""
    async with paid_in_spite_of(till, *["bad_signature"] * 2):
        crooks = [await looking(till, _forger(forged), other) for _ in range(2)]
        assert [(await crook).result for crook in crooks] == [events.REFUSED] * 2


async def test_an_approval_overtakes_junk_that_arrived_before_it(
    till: Checkout, other: Wallet, forged: bytes, tmp_path: Path
) -> None:
    """Two keys and two forged credentials arrive before it, on a receiver as slow as a chip. The
    approval is verified first, and then nobody looks at the forged ones: no `bad_signature`."""
    async with lying(till, tmp_path, SLOW), AsyncExitStack() as stack:
        sale = await till.ring_up()
        gate = Gate()
        phone = await typing(till, sale, till.wallet, gate)
        crooks = [await stack.enter_async_context(led(till, other)) for _ in range(2)]
        async with till.refusing():
            with in_the_middle() as middle:
                middle.hold(exchange.KEY, exchange.CREDENTIAL, exchange.APPROVAL)
                for crook in crooks:
                    key = crook.key()
                    seal = crook.maker.seal(crook.offered, exchange.CREDENTIAL, forged)
                    await crook.say(key, seal)
                await middle.until_held(4)
                gate.open()
                await middle.until_held(5)
                middle.release()
                assert (await phone).result == events.APPROVED
                assert await _busy(crooks[0])
                assert await _busy(crooks[1])
            await pays(till, sale)


async def _busy(phone: Led) -> bool:
    """Whether the next that it reads is, sealed, that another one pays; or no key was agreed on
    yet, and it is cut off, as it would believe no plain word."""
    try:
        data = await phone.notified()
    except AssertionError as error:
        return str(error) == "the link is cut"
    return (data[0], phone.maker.refusal(data[1:])) == (exchange.REFUSAL, exchange.BUSY)


@pytest.fixture
def forged(other: Wallet, tmp_path: Path) -> bytes:
    """A credential for that phone, signed by an authority of its own."""
    foreign = Keys(tmp_path / "keys.json")
    return evidence.credential(foreign, other.key.private, int(time.time()))


def _forger(credential: bytes) -> Hesitating:
    return Hesitating(lambda wallet: Presenting(wallet, credential))


def _junk() -> tuple[bytes, bytes]:
    key = bytes([exchange.KEY]) + os.urandom(padding.ENC_SIZE)
    return key, bytes([exchange.CREDENTIAL]) + os.urandom(padding.CREDENTIAL_SEALED)


async def _say(till: Checkout, wallet: Wallet, *turns: tuple[bytes, ...]) -> None:
    """Each on a link of its own, all at once, until the receiver cuts them."""
    async with AsyncExitStack() as stack:
        phones = [await stack.enter_async_context(led(till, wallet)) for _ in turns]
        await asyncio.gather(*[phone.say(*turn) for phone, turn in zip(phones, turns, strict=True)])
        await asyncio.gather(*[phone.cut() for phone in phones])


# Links.


@pytest.mark.parametrize("early", [4, 2, 0], ids=["checked_in", "mixed", "silent"])
async def test_four_links_without_a_key_do_not_keep_a_fifth_from_paying(
    till: Checkout, other: Wallet, early: int
) -> None:
    """Some checked in before there was a sale, the others look at its offer; none sends a key."""
    async with refusing_any(till, "evicted"):
        idle = [await _checked_in(till, other) for _ in range(early)]
        sale = await till.ring_up()
        idle += [await looking(till, Silent(), other) for _ in range(4 - early)]
        async with sent_home(idle):
            outcome = await till.buy(patience_s=FIFTH_PATIENCE_S)
            assert outcome.result == events.APPROVED
            await pays(till, sale)


async def _checked_in(till: Checkout, wallet: Wallet) -> asyncio.Task[Outcome]:
    mark = len(till.steps)
    task = asyncio.create_task(till.buy(Silent(), wallet))
    await till.step("checked_in", mark)
    return task


async def test_four_links_with_a_key_keep_their_places_and_a_fifth_waits(
    till: Checkout, other: Wallet
) -> None:
    """Each has sent a valid key and falls silent. No newcomer drives one out before its offer ends:
    the receiver is not even on the air. A fifth pays as soon as one of them leaves."""
    sale = await till.ring_up()
    async with till.refusing():
        silent = [await keyed(till, Watching(), other) for _ in range(4)]
        async with sent_home(silent):
            assert (await till.buy(patience_s=NOT_FOUND_S)).result == events.NO_TILL
            assert not any(phone.done() for phone in silent)
            silent[0].cancel()
            assert (await till.buy(patience_s=FIFTH_PATIENCE_S)).result == events.APPROVED
            await pays(till, sale)


async def test_four_links_with_a_key_go_with_their_offer(till: Checkout, other: Wallet) -> None:
    """The cashier takes it back: they are links without a key then, and the next sale is paid."""
    sale = await till.ring_up()
    async with refusing_any(till, "evicted"):
        silent = [await keyed(till, Watching(), other) for _ in range(4)]
        await till.world.till.cancel(sale["sale_id"])
        assert [(await phone).reason for phone in silent] == [reasons.OFFER_EXPIRED] * 4
        following = await till.ring_up()
        idle = [await looking(till, Silent(), other) for _ in range(4)]
        async with sent_home(idle):
            assert (await till.buy(patience_s=FIFTH_PATIENCE_S)).result == events.APPROVED
            await pays(till, following)
    assert refusals_on_air(till)[exchange.EXPIRED] == 4
