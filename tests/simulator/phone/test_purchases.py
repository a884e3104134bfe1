"""Whole purchases by the phone over the simulated radio, with a true authority."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from bleak.backends.characteristic import BleakGATTCharacteristic

from receiver import reasons
from receiver.link import wire
from receiver.protocol import exchange, gatt
from receiver.protocol.messages import Approval
from receiver.protocol.validation import Offered
from simulator.authority import Authority
from simulator.authority.api.client import AuthorityError
from simulator.authority.ledger import ledger
from simulator.hardware.radio.server import Radio
from simulator.phone.app import authority as app
from simulator.phone.app.app import PhoneApp
from simulator.phone.app.authority import AuthorityClient
from simulator.phone.app.buyer import DEMO_CODE, Buyer, Declining, Silent, Vanishing
from simulator.phone.app.visit import Step
from simulator.phone.conversation import events
from simulator.phone.conversation.messages import Maker, Signed
from simulator.phone.transport.bleak_backend import SimClient, phone_radio
from simulator.phone.wallet.wallet import BATCH, Wallet
from simulator.world.enrolment import new_phone
from tests.support.world.phone_counter import TILL, Counter

pytestmark = pytest.mark.processes

PATIENCE = 20.0
PRICE = 24_900
OVER_THE_LIMIT = 600_000


@dataclass
class World:
    authority: Authority
    radio: Radio
    counter: Counter
    wallet: Wallet
    steps: list[Step] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def names(self) -> list[str]:
        return [step.name for step in self.steps]

    def observe(self, step: Step) -> None:
        self.steps.append(step)
        self.changed.set()

    async def until(self, name: str, times: int = 1) -> None:
        """Wait for phones to have told this."""
        async with asyncio.timeout(PATIENCE):
            while self.names().count(name) < times:
                self.changed.clear()
                await self.changed.wait()

    async def buy(self, buyer: Buyer, **more: Any) -> events.Outcome:
        async with asyncio.timeout(PATIENCE), phone_radio(self.radio.phones) as radio:
            phone = PhoneApp(self.wallet, radio, observer=self.observe, ask_ms=1000)
            return await phone.buy(buyer, **more)

    async def another_wallet(self) -> Wallet:
        return await new_phone(self.authority, self.authority.seed_demo().buyers[0].id)


@asynccontextmanager
async def serving(counter: Counter, radio: Radio) -> AsyncIterator[None]:
    await counter.start(radio)
    task = asyncio.create_task(counter.serve())
    try:
        yield
    finally:
        counter.close()
        await asyncio.wait_for(task, PATIENCE)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        authority = await stack.enter_async_context(Authority(tmp_path))
        radio = await stack.enter_async_context(Radio())
        counter = Counter(authority)
        wallet = await new_phone(authority, authority.seed_demo().buyers[0].id)
        await stack.enter_async_context(serving(counter, radio))
        yield World(authority, radio, counter, wallet)


@pytest.fixture
async def ringing(world: World) -> World:
    """A sale is rung up."""
    world.counter.ring_up(PRICE)
    return world


async def test_an_approved_purchase(ringing: World) -> None:
    outcome = await ringing.buy(Buyer(), till=TILL)
    assert outcome.result == events.APPROVED
    assert outcome.view is not None
    assert (outcome.view.store, outcome.view.amount) == ("Storgatan 1", PRICE)
    (written,) = [step for step in ringing.steps if step.name == "approval_written"]
    assert written.at <= written.details["acknowledged"]
    assert not ringing.wallet.pending


async def test_the_offer_is_read_first_and_a_known_certificate_never(
    ringing: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    plain = SimClient.read_gatt_char

    async def counted(
        client: SimClient, characteristic: BleakGATTCharacteristic, **named: Any
    ) -> bytearray:
        read.append(characteristic.uuid)
        return await plain(client, characteristic, **named)

    monkeypatch.setattr(SimClient, "read_gatt_char", counted)
    await ringing.buy(Buyer(), till=TILL)
    assert read[:2] == [gatt.OFFER, gatt.CERTIFICATE]
    read.clear()
    ringing.counter.ring_up(PRICE)
    outcome = await ringing.buy(Buyer(), till=TILL)
    assert outcome.result == events.APPROVED
    assert gatt.CERTIFICATE not in read


async def test_checking_in_before_the_sale(world: World) -> None:
    async with asyncio.TaskGroup() as group:
        buying = group.create_task(world.buy(Buyer()))
        await world.until("checked_in")
        world.counter.ring_up(PRICE)
    assert buying.result().result == events.APPROVED
    assert events.ASKED in world.names()


async def test_over_the_limit_until_it_is_raised(world: World) -> None:
    async def raised() -> None:
        store = world.authority.office.store
        store.run("UPDATE buyers SET purchase_limit = ?", OVER_THE_LIMIT)

    world.counter.ring_up(OVER_THE_LIMIT)
    outcome = await world.buy(Buyer(DEMO_CODE, DEMO_CODE, again=raised))
    assert outcome.result == events.APPROVED
    (declined,) = [step for step in world.steps if step.name == events.DECLINED]
    assert declined.details["reason"] == reasons.PURCHASE_LIMIT
    assert len({record.data for record in world.counter.sent(wire.APPROVAL)}) == 2


async def test_a_wrong_code_then_the_right_one(ringing: World) -> None:
    assert (await ringing.buy(Buyer("000000", DEMO_CODE))).result == events.APPROVED


async def test_a_wrong_code_and_no_other(ringing: World) -> None:
    outcome = await ringing.buy(Buyer("000000"))
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.CODE_WRONG)
    await asyncio.wait_for(ringing.counter.phone_event(wire.PHONE_LEFT), PATIENCE)


async def test_a_buyer_who_says_no(ringing: World) -> None:
    assert (await ringing.buy(Declining())).result == events.LEFT
    await asyncio.wait_for(ringing.counter.phone_event(wire.PHONE_LEFT), PATIENCE)


async def test_a_silent_phone_gives_way(ringing: World) -> None:
    """The fourth link evicts the oldest, and whoever comes to buy does buy."""
    async with asyncio.TaskGroup() as group:
        silent = [group.create_task(ringing.buy(Silent())) for _ in range(4)]
        await ringing.until("refusal")
        assert (await ringing.buy(Buyer())).result == events.APPROVED
    assert {task.result().result for task in silent} <= {events.REFUSED, events.LOST}


@pytest.mark.parametrize("at", [exchange.KEY, exchange.CREDENTIAL])
async def test_a_phone_that_vanishes_has_signed_nothing(ringing: World, at: int) -> None:
    assert (await ringing.buy(Vanishing(at=at))).result == events.LOST
    assert not ringing.wallet.pending
    assert (await ringing.buy(Buyer())).result == events.APPROVED


async def test_a_phone_that_vanishes_with_its_approval_asks_the_authority(ringing: World) -> None:
    outcome = await ringing.buy(Vanishing(at=exchange.APPROVAL))
    assert outcome.result in (events.UNKNOWN, events.APPROVED)
    assert bool(ringing.wallet.pending) == (outcome.result == events.UNKNOWN)


async def test_an_end_that_is_not_known_is_settled_before_the_next_purchase(world: World) -> None:
    counter, office = world.counter, world.authority.office
    counter.authorises = False
    counter.ring_up(PRICE)
    outcome = await world.buy(Vanishing(at=exchange.APPROVAL))
    assert outcome.result == events.UNKNOWN
    (pending,) = world.wallet.pending.values()
    assert pending.approval_id == outcome.approval_id
    ledger.reverse(office.store, counter.caller, pending.approval_id, office.now())
    counter.authorises = True
    counter.ring_up(PRICE)
    outcome = await world.buy(Buyer())
    assert outcome.result == events.APPROVED
    (settled,) = [step for step in world.steps if step.name == "settled"]
    assert settled.details["state"] == events.DECLINED
    assert not world.wallet.pending


class Liar(Maker):
    """Approves another amount than it was offered."""

    def value(self, offered: Offered, credential: bytes, code: str, now: int) -> Approval:
        true = super().value(offered, credential, code, now)
        return true._replace(amount=true.amount - 1)


class Stutterer(Maker):
    """Writes junk of every size before its approval."""

    def complete(self, offered: Offered, credential: bytes, code: str, now: int) -> Signed:
        signed = super().complete(offered, credential, code, now)
        return signed._replace(writes=[b"\xff" * 183, *signed.writes])


@pytest.mark.parametrize("maker", [Liar, Stutterer])
async def test_a_phone_that_lies_is_refused_and_another_pays(
    world: World, maker: type[Maker]
) -> None:
    class Attacker(Buyer):
        comes_again = False

        def maker(self, wallet: Wallet, recipient: int | None) -> Maker:
            return maker(wallet, recipient)

    world.counter.ring_up(PRICE)
    honest, world.wallet = world.wallet, await world.another_wallet()
    assert (await world.buy(Attacker())).result == events.UNKNOWN
    assert "refusal" in world.names()
    world.wallet = honest
    assert (await world.buy(Buyer())).result == events.APPROVED


async def test_no_till_in_reach(world: World) -> None:
    async with phone_radio(world.radio.phones) as radio:
        outcome = await PhoneApp(world.wallet, radio).buy(Buyer(), till=99, patience_s=0.5)
    assert outcome.result == events.NO_TILL


async def test_an_activation_is_good_for_one_phone(world: World) -> None:
    activation = world.authority.seed_demo().buyers[0].activation
    ca = world.authority.ca.certificate
    await app.enrol(world.authority.url, ca, activation, DEMO_CODE)
    with pytest.raises(AuthorityError, match="no such activation"):
        await app.enrol(world.authority.url, ca, activation, DEMO_CODE)


async def test_an_authority_that_is_down_gives_no_answer(world: World) -> None:
    await world.authority.stop()
    async with AuthorityClient(world.wallet.authority, world.wallet.ca, world.wallet.token) as me:
        assert (await me.ask(bytes(16))).state == events.NO_ANSWER


async def test_a_right_code_makes_the_phone_good_offline(world: World) -> None:
    """The credentials of before are not; the authority gives others, where the buyer may."""
    recipient, now = world.wallet.recipients[0].id, int(time.time())
    world.authority.office.store.run("UPDATE buyers SET offline_floor = ?", PRICE)
    assert not world.wallet.buys_offline(recipient, now)
    world.counter.ring_up(PRICE)
    assert (await world.buy(Buyer())).result == events.APPROVED
    assert world.wallet.buys_offline(recipient, now)
    assert world.wallet.stock(recipient, now) == BATCH
