"""Exchanges that are dropped by the dozen, and a receiver whose certificate is renewed."""

from __future__ import annotations

import asyncio
import time
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from signal import SIGTERM
from typing import ClassVar, NoReturn
from unittest import mock

import pytest
import pytest_asyncio
from bleak.exc import BleakError

from receiver.encoding import cbor
from receiver.link import wire
from receiver.protocol import exchange
from simulator.authority.accounts import bindings, people
from simulator.phone.conversation import events, states
from simulator.phone.conversation.events import Read
from simulator.phone.transport.link import Link
from simulator.phone.wallet.wallet import Wallet
from simulator.world import enrolment
from simulator.world.world import Settings
from tests.support.world.crowd import pays, refusing_only, sent_home
from tests.support.world.led import led
from tests.support.world.liars import Lie, lying
from tests.support.world.middle import in_the_middle
from tests.support.world.tap import TappedCheckout, tapped_checkout

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUNDS = 10  # of three exchanges each
WARM_UP = 2  # rounds until the heap has its shape: caches, lists that have grown once
SLACK = 2048  # bytes of free heap that a round of garbage collection may find more or less
STORM_PATIENCE_S = 3
LONG_MS = 10_000  # for phones that are to learn how it ended
CREDENTIALS = 3 * (ROUNDS + WARM_UP)

# A receiver that tells its health ten times a second instead of twice a minute.
HEALTHY = Lie("receiver/link/wire.py", "HEALTH_MS = 30_000", "HEALTH_MS = 100")
# One that waits for lost phones so shortly that none is waited for when the story is told.
HASTY = Lie("receiver/protocol/gatt.py", "RESUME_MS = 10_000", "RESUME_MS = 10")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter() -> AsyncIterator[TappedCheckout]:
    """A world with a tap on its serial line."""
    async with tapped_checkout(Settings(rate=0)) as one:
        yield one


# Links that come and go.


async def health(till: TappedCheckout) -> wire.Health:
    """What the receiver says of itself from now on, once every link is gone."""
    since = len(till.tap.crossed)
    message = await till.tap.message(wire.HEALTH, since, lambda value: value.links == 0)
    found: wire.Health = message.value
    return found


async def _drop(till: TappedCheckout, wallet: Wallet, after: int) -> None:
    """An exchange that is left off after its key, credential or approval."""
    async with led(till, wallet) as phone:
        since, key = len(till.tap.crossed), phone.key()
        await phone.say(key)
        if after == exchange.KEY:
            return
        await phone.say(phone.credential())
        if after == exchange.APPROVAL:  # one that the receiver can open at once
            await till.tap.message(wire.CREDENTIAL, since, lambda value: value.enc == key[1:])
            await phone.say(phone.approval())


async def _round(till: TappedCheckout, wallet: Wallet) -> None:
    """A sale whose phones all vanish; the last one has approved."""
    till.begin()
    sale = await till.ring_up()
    for after in (exchange.KEY, exchange.CREDENTIAL, exchange.APPROVAL):
        await _drop(till, wallet, after)
    await pays(till, sale)


async def test_half_exchanges_by_the_dozen_leave_nothing_behind(
    till: TappedCheckout, other: Wallet, tmp_path: Path
) -> None:
    """Dropped after the key, while the buyer types, and after the approval: the receiver's heap is
    as free as before, no counter has moved, and each approval has paid its sale, once."""
    _stock_up(till, other)
    async with lying(till, tmp_path, HEALTHY, HASTY), till.refusing():
        for _ in range(WARM_UP):
            await _round(till, other)
        before = await health(till)
        for _ in range(ROUNDS):
            await _round(till, other)
        after = await health(till)
        assert after.free > before.free - SLACK
        assert after.counters == before.counters == cbor.encode({})


async def test_links_that_come_and_go_in_a_storm_leave_nothing_behind(
    till: TappedCheckout, other: Wallet, tmp_path: Path
) -> None:
    """Three phones connect, read and go again and again, while an honest one pays three times."""
    async with lying(till, tmp_path, HEALTHY, HASTY):
        await _storm(till, other, sales=1)
        before = await health(till)
        await _storm(till, other, sales=3)
        after = await health(till)
        assert after.free > before.free - SLACK


async def _storm(till: TappedCheckout, wallet: Wallet, sales: int) -> None:
    storm = [asyncio.create_task(_come_and_go(till, wallet)) for _ in range(3)]
    async with refusing_only(till, "evicted"), sent_home(storm):
        for _ in range(sales):
            till.begin()
            sale = await till.ring_up()
            outcome = await till.buy(patience_s=STORM_PATIENCE_S)
            assert outcome.result == events.APPROVED
            await pays(till, sale)


async def _come_and_go(till: TappedCheckout, wallet: Wallet) -> NoReturn:
    while True:
        with suppress(BleakError, TimeoutError):  # driven out, or not heard in the crowd
            async with led(till, wallet):
                pass


async def test_a_phone_cut_off_after_its_approval_learns_the_outcome(
    till: TappedCheckout, other: Wallet
) -> None:
    """From the authority: its answer was on the air when the link was lost. One hold."""
    sale = await till.ring_up()
    with in_the_middle() as middle:
        middle.hold(exchange.RESULT)
        buying = asyncio.create_task(till.buy(wallet=other, ask_ms=LONG_MS))
        await middle.until_held(1)
        till.world.radio.carry_away(middle.held[0].phone)
        outcome = await buying
        middle.forget()
    assert outcome.result == events.APPROVED
    assert (await till.step("link_lost")).details["state"] == states.APPROVED
    await till.step("asks_authority")
    assert await pays(till, sale) == outcome.approval_id.hex()


async def test_a_phone_in_doubt_approves_nothing_more_in_that_sale(
    till: TappedCheckout, other: Wallet
) -> None:
    """Its approval was lost on the air. It comes back and sees the same sale: it asks, and waits.
    Another phone pays, and the lost approval never does."""
    sale = await till.ring_up()
    with in_the_middle() as middle:
        middle.hold(exchange.APPROVAL)
        buying = asyncio.create_task(till.buy(wallet=other))
        await middle.until_held(1)
        till.world.radio.carry_away(middle.held[0].phone)
        lost = await buying
        middle.forget()
        mark = len(till.steps)
        again = await till.buy(wallet=other)
        assert (lost.result, again.result) == (events.UNKNOWN, events.UNKNOWN)
        assert lost.approval_id == again.approval_id
        assert (await till.step("unknown", mark)).details["why"] == "approved before"
        assert len(middle.of(exchange.APPROVAL)) == 1
    paid = await till.buy()
    assert await pays(till, sale) == paid.approval_id.hex()


def _stock_up(till: TappedCheckout, wallet: Wallet) -> None:
    """Credentials for many exchanges."""
    office, now = till.world.authority.office, int(time.time())
    recipient = wallet.recipients[0].id
    phone = people.Phone(wallet.phone_id, 0, wallet.key.public)
    batch = people.issue_credentials(
        office.store, office.keys, phone, recipient, CREDENTIALS, now=now
    )
    wallet.add_credentials(recipient, batch, now)


# A new certificate.


class Caching(Link):
    """A phone's link that tells which certificates it has read."""

    read_ones: ClassVar[list[bytes]] = []

    async def read(self, known: Callable[[bytes], bytes | None]) -> Read:
        read = await super().read(known)
        if known(read.offer) is None:
            self.read_ones.append(read.certificate)
        return read


async def renew(till: TappedCheckout, store_name: str) -> bytes:
    """Have the receiver certified anew, and its bridge started with that certificate."""
    authority = till.world.authority
    (receiver,) = await till.world.till.receivers()
    receiver_id = bytes.fromhex(receiver["hello"]["receiver_id"])
    client = bindings.client_of(authority.office.store, receiver_id)
    assert client is not None
    seed = till.world.receiver.stored.seed
    certificate = enrolment.new_receiver(
        authority, client, seed=seed, receiver_id=receiver_id, store_name=store_name
    ).certificate
    bridge = till.world.bridge
    renewed = bridge.directory / f"{store_name}.cose"
    renewed.write_bytes(certificate)
    config = bridge.config.read_text()
    before = tomllib.loads(config)["receiver"][0]["certificate"]
    bridge.config.write_text(config.replace(f'"{before}"', f'"{renewed}"'))
    since = len(till.tap.crossed)
    await till.restart_bridge(SIGTERM)
    await till.world.receiver_up()
    await till.tap.message(wire.CERTIFICATE, since)
    return certificate


async def test_a_phone_that_knows_the_certificate_reads_the_new_one_after_a_renewal(
    till: TappedCheckout, other: Wallet
) -> None:
    """Between two sales: the offer's kid is another, the phone reads it again, and pays."""
    with mock.patch("simulator.phone.transport.early.Link", Caching):
        stores = [await _store_shown(till, other), await _store_shown(till, other)]
        certificate = await renew(till, "Ny butik")
        stores += [await _store_shown(till, other), await _store_shown(till, other)]
    assert stores == [enrolment.STORE_NAME] * 2 + ["Ny butik"] * 2
    assert len(Caching.read_ones) == 2
    assert Caching.read_ones[1] == certificate


async def _store_shown(till: TappedCheckout, wallet: Wallet) -> str:
    """The store's name on the phone, in a sale that it pays."""
    till.begin()
    sale = await till.ring_up()
    outcome = await till.buy(wallet=wallet)
    await pays(till, sale)
    assert outcome.view is not None
    return outcome.view.store


async def test_a_new_certificate_waits_while_a_link_is_up(
    till: TappedCheckout, other: Wallet
) -> None:
    """Nobody sees the certificate change under a link; but no phone that stays keeps a till from
    selling: the next sale sends it away, by `certificate_renewed`, and has the new one."""
    async with led(till, other) as idle:
        new = await renew(till, "Nyare butik")
        async with led(till, other) as second:
            assert second.certificate == idle.certificate != new
        async with till.refusing("certificate_renewed"):
            sale = await till.ring_up()
            assert await idle.refused() == exchange.RETRY
        outcome = await till.buy(wallet=other)
        await pays(till, sale)
    assert outcome.view is not None
    assert outcome.view.store == "Nyare butik"
