"""Attack: messages of one exchange in another: spliced, resent, sealed anew, at another till.

Whoever records the air has sealed bytes; a phone that is in league with another has what is inside.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from receiver.protocol import exchange, padding
from receiver.protocol.messages import Receipt
from simulator.phone.wallet.wallet import Wallet
from tests.support.world.checkout import PATIENCE, PRICE, Checkout
from tests.support.world.crooks import Keeping
from tests.support.world.led import Led, led
from tests.support.world.phone_counter import Counter
from tests.support.world.siege import named, pays, withstood

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER_TILL = 8


# Two phones, one offer: A is honest and pays in the end.


async def finish(till: Checkout, phone: Led, *writes: bytes) -> Receipt:
    """A says the rest of what it has to say, and has paid."""
    await phone.say(*writes)
    receipt = await phone.receipt()
    final = await till.outcome(till.rung)
    assert (final["state"], final["amount"]) == ("approved", receipt.amount)
    assert final["approval_id"] == receipt.approval_id.hex()
    return receipt


async def test_a_credential_on_anothers_link(till: Checkout, other: Wallet) -> None:
    await till.ring_up()
    async with led(till, till.wallet) as a, named(till, "bad_seal"):
        key, credential, approval = a.key(), a.credential(), a.approval()
        await a.say(key, credential)
        async with led(till, other) as b:
            await b.say(b.key(), credential)
            assert await b.refused() == exchange.REFUSED
        receipt = await finish(till, a, approval)
    assert till.new_transactions() == {receipt.approval_id.hex(): "PENDING"}


async def test_an_approval_on_anothers_link(till: Checkout, other: Wallet) -> None:
    """A's approval was held back on the air, and B is there first with it."""
    await till.ring_up()
    async with led(till, till.wallet) as a, named(till, "bad_seal"):
        key, credential, approval = a.key(), a.credential(), a.approval()
        await a.say(key, credential)
        async with led(till, other) as b:
            await b.say(b.key(), b.credential(), approval)
            assert await b.refused() == exchange.REFUSED
        receipt = await finish(till, a, approval)
    assert till.new_transactions() == {receipt.approval_id.hex(): "PENDING"}


async def test_anothers_key(till: Checkout, other: Wallet) -> None:
    """One `enc` twice would be one context twice: B is refused, A never notices."""
    await till.ring_up()
    async with led(till, till.wallet) as a, named(till, "replay"):
        key, credential, approval = a.key(), a.credential(), a.approval()
        await a.say(key)
        async with led(till, other) as b:
            await b.say(key, credential, approval)
            assert await b.refused() == exchange.REFUSED
        receipt = await finish(till, a, credential, approval)
    assert till.new_transactions() == {receipt.approval_id.hex(): "PENDING"}


async def test_a_whole_exchange_on_anothers_link_first(till: Checkout, other: Wallet) -> None:
    """B says all that A was about to say: it is A's yes to A's purchase, and pays it once.

    B cannot open the result; A finds the sale taken, and the authority tells it by whom.
    """
    await till.ring_up()
    async with led(till, till.wallet) as a, led(till, other) as b, named(till):
        await b.say(a.key(), a.credential(), a.approval())
        final = await till.outcome(till.rung)
        name = a.signed.pending.approval_id.hex()
        assert (final["state"], final["approval_id"]) == ("approved", name)
        assert till.new_transactions() == {name: "PENDING"}
        assert await a.notified() == bytes([exchange.REFUSAL, exchange.BUSY])
        assert a.maker.result((await b.notified())[1:])
    await pays(till, await till.ring_up())


async def test_an_approval_sealed_anew_by_another(till: Checkout, other: Wallet) -> None:
    """A has told B its credential and its approval: they are bound to A's `enc`."""
    accomplice = Keeping(await till.world.new_wallet())
    async with withstood(till, "bad_signature"), led(till, other, lambda _: accomplice) as a:
        await a.say(a.key(), a.credential())
        a.approval()
        async with led(till, other) as b:
            await b.say(b.key(), *resealed(b, a.presented.credential, accomplice.approved))
            assert await b.refused() == exchange.REFUSED


def resealed(phone: Led, credential: bytes, approval: bytes) -> list[bytes]:
    """Somebody else's credential and approval, in this phone's context."""
    pairs = ((exchange.CREDENTIAL, credential), (exchange.APPROVAL, approval))
    return [phone.maker.seal(phone.offered, *pair) for pair in pairs]


async def refused_in_secret(phone: Led) -> None:
    """Under a key that nobody has who only repeats what was heard."""
    refusal = await phone.notified()
    assert (refusal[0], len(refusal)) == (exchange.REFUSAL, 1 + padding.REFUSAL_SEALED)
    await phone.cut()


# The same bytes in another session.


async def recorded(till: Checkout, phone: Led) -> list[bytes]:
    """All that a phone said that has paid the sale at hand."""
    said = [phone.key(), phone.credential(), phone.approval()]
    await finish(till, phone, *said)
    return said


async def test_a_whole_exchange_again_when_it_is_settled(till: Checkout, other: Wallet) -> None:
    await till.ring_up()
    async with led(till, other) as phone:
        said = await recorded(till, phone)
    async with led(till, other) as phone, named(till, "withdrawn"):
        assert phone.offer == b""
        await phone.say(*said)
        assert await phone.refused() == exchange.EXPIRED
    assert list(till.new_transactions().values()) == ["PENDING"]
    await pays(till, await till.ring_up())


async def test_a_whole_exchange_again_in_the_next_session(till: Checkout, other: Wallet) -> None:
    await till.ring_up()
    async with led(till, other) as phone:
        said = await recorded(till, phone)
    async with withstood(till, "bad_seal"), led(till, other) as phone:
        await phone.say(*said)
        await refused_in_secret(phone)


async def test_an_old_approval_sealed_anew_in_the_next_session(
    till: Checkout, other: Wallet
) -> None:
    """The very bytes that have paid the sale before: the name says that they are known."""
    accomplice = Keeping(other)
    await till.ring_up()
    async with led(till, other, lambda _: accomplice) as phone:
        await recorded(till, phone)
        old = phone.presented.credential
    async with withstood(till, "replay"), led(till, other) as phone:
        await phone.say(phone.key(), *resealed(phone, old, accomplice.approved))
        assert await phone.refused() == exchange.REFUSED


# At another till of the same authority.


@asynccontextmanager
async def other_till(till: Checkout) -> AsyncIterator[Counter]:
    """A second receiver on the same air, with a sale of the same amount."""
    counter = Counter(till.world.authority, OTHER_TILL)
    await counter.start(till.world.radio)
    serving = asyncio.create_task(counter.serve())
    counter.ring_up(PRICE)
    try:
        yield counter
    finally:
        counter.close()
        await asyncio.wait_for(serving, PATIENCE)


async def test_a_whole_exchange_at_another_till(till: Checkout, other: Wallet) -> None:
    async with other_till(till), led(till, other, number=OTHER_TILL) as there:
        said = [there.key(), there.credential(), there.approval()]
        await there.say(*said)
        await there.receipt()
        async with withstood(till, "bad_seal"), led(till, other) as here:
            await here.say(*said)
            await refused_in_secret(here)


async def test_an_approval_of_another_tills_offer(till: Checkout, other: Wallet) -> None:
    """A till in the middle: the buyer approved there, the same amount is to be paid here."""
    victim = Keeping(other)
    async with (
        other_till(till),
        led(till, other, lambda _: victim, number=OTHER_TILL) as there,
        withstood(till, "bad_signature"),
        led(till, await till.world.new_wallet()) as here,
    ):
        there.key(), there.credential(), there.approval()
        credential = there.presented.credential
        await here.say(here.key(), *resealed(here, credential, victim.approved))
        assert await here.refused() == exchange.REFUSED
