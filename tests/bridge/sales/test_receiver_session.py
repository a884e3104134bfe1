"""What a station tells its desk and the watchers of the line: virtual time, and a real link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bridge.domain.events import ReceiverChanged
from bridge.domain.offline import HOUR_S
from bridge.domain.sale import Fact, IllegalMoveError, Sale
from bridge.domain.states import Event, State
from bridge.journal import Journal
from bridge.sales.orders import Order
from bridge.sales.provisioning import STATE_AGAIN_S
from receiver import reasons
from receiver.encoding import cbor
from receiver.link import wire
from tests.support.bridge.session import HEALTH_S, PLUGGING_S, Story, World, play
from tests.support.machines.controller import PATIENCE_S
from tests.support.values.evidence import SEK

SALE = "sale-0123456789ab"
LONG_S = 2 * PLUGGING_S  # patience that outlasts a replugging


@pytest.fixture
def played(tmp_path: Path) -> Callable[..., None]:
    """Play a story with a bridge that may accept offline, or not."""

    def plays(story: Story, *, offline: bool) -> None:
        with closing(Journal.open(tmp_path / "journal.sqlite")) as journal:
            play(World(tmp_path, journal, offline=offline), story)

    return plays


async def ring(world: World, patience_s: int = PATIENCE_S) -> Sale:
    """A sale whose offer is on the air."""
    await world.heard()
    sale, new = world.service.ring(Order(SALE, 24_900, SEK, None, patience_s, ""))
    assert new
    assert await world.device.offered()
    return sale


@pytest.mark.parametrize(
    ("unplugged", "reason"),
    [(False, reasons.NOBODY_CAME), (True, reasons.RECEIVER_OFFLINE)],
    ids=["up", "down"],
)
def test_a_sale_ends_with_what_the_desk_heard_of_the_line(
    played: Callable[..., None], unplugged: bool, reason: int
) -> None:
    """A cashier who reads "nobody came" does not look at the cable."""

    async def story(world: World) -> None:
        sale = await ring(world)
        if unplugged:
            world.device.unplug()
        await asyncio.sleep(PATIENCE_S + 1)
        assert (sale.state, sale.reason) == (State.CANCELLED, reason)

    played(story, offline=False)


def test_the_order_goes_again_to_a_receiver_that_forgot_it(played: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        sale = await ring(world, LONG_S)
        first = sale.offer
        world.device.unplug()
        await asyncio.sleep(1)
        world.device.reboot()
        world.device.plug()
        assert await world.device.offered()
        await asyncio.sleep(1)
        assert world.device.orders == 2
        assert (sale.state, sale.offer == first) == (State.OPEN, False)

    played(story, offline=False)


def test_the_watchers_hear_of_the_line_once_each_way(played: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        with world.service.books.bus.subscribe() as watch:
            await world.heard()
            world.device.unplug()
            await asyncio.sleep(PLUGGING_S)
            assert not world.station.status().up
            world.device.plug()
            await world.heard()
            assert world.station.status().up
            told = [watch.queue.get_nowait() for _ in range(watch.queue.qsize())]
        lines = [one.hello is not None for one in told if isinstance(one, ReceiverChanged)]
        assert lines == [True, False, True]

    played(story, offline=False)


def test_a_sale_that_ended_meanwhile_is_cancelled_at_the_receiver(
    played: Callable[..., None],
) -> None:
    """By its session, which the receiver names when it is back; nothing waited for it till then."""

    async def story(world: World) -> None:
        sale = await ring(world, LONG_S)
        world.device.unplug()
        await asyncio.sleep(LONG_S + 1)
        assert sale.state is State.CANCELLED
        world.device.plug()
        assert (await world.device.heard(wire.CANCEL)).reference == sale.terms.reference
        assert world.device.orders == 1

    played(story, offline=False)


def test_what_follows_from_a_check_goes_before_what_came_after_it(
    played: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver whose offer lies hears the end of the sale, then that its offer was taken."""

    async def story(world: World) -> None:
        await world.heard()
        done: list[int | None] = []  # channels, None where a message is acknowledged
        link = world.station.link
        send, accept = link.send, link._accept

        def sending(channel: int, payload: bytes) -> None:
            done.append(channel)
            send(channel, payload)

        def accepting(*which: Any) -> None:
            done.append(None)
            accept(*which)

        monkeypatch.setattr(link, "send", sending)
        monkeypatch.setattr(link, "_accept", accepting)
        world.device.lies = {"amount": 1}
        world.service.ring(Order(SALE, 24_900, SEK, None, PATIENCE_S, ""))
        await world.device.heard(wire.CANCEL)
        assert done == [wire.OPEN, wire.CANCEL, None]

    played(story, offline=False)


def test_after_a_failure_nothing_more_is_done(played: Callable[..., None]) -> None:
    """The bridge ends, and what it would do until then could contradict its journal."""

    async def story(world: World) -> None:
        sale = await ring(world)
        with pytest.raises(IllegalMoveError):
            world.station.decide(Fact(Event.PAID))
        with pytest.raises(RuntimeError):
            world.station.decide(Fact(Event.CANCELLED, reasons.CASHIER_CANCELLED))
        assert (sale.state, world.service.healthy) == (State.OPEN, False)

    played(story, offline=False)


# Limits and revocations while a receiver stays up: renewed every hour, in virtual time.


DAY_S = 24 * 3600


def test_it_is_as_often_as_the_shortest_limit_ends() -> None:
    assert STATE_AGAIN_S <= HOUR_S  # `offline_hours` is 1 at least


def test_new_limits_and_revocations_come_every_hour(played: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        assert (await world.heard()).version == 1
        world.authority.revoked = [b"cred0001"]
        await world.live(STATE_AGAIN_S + HEALTH_S)
        known = world.station._evidence.state
        assert known is not None
        assert (known.version, known.offline_count) == (2, 2)
        assert known.revocations == sha256(cbor.encode([b"cred0001"])).digest()
        assert world.station._provisioning._stand_in._revoked == frozenset([b"cred0001"])
        assert (await world.heard()).version == 2
        await world.live(DAY_S)
        assert set(world.gaps()) == {STATE_AGAIN_S}
        assert len(world.authority.asked) == 2 + DAY_S // STATE_AGAIN_S
        assert [(await world.heard()).version for _ in range(24)] == list(range(3, 27))

    played(story, offline=True)


def test_an_authority_that_is_away_is_asked_until_it_answers(
    played: Callable[..., None],
) -> None:
    async def story(world: World) -> None:
        await world.heard()
        world.authority.silent = 3
        await world.live(2 * STATE_AGAIN_S + 20 * HEALTH_S)
        hour, *tries, next_hour = world.gaps()
        assert (hour, next_hour) == (STATE_AGAIN_S, STATE_AGAIN_S)
        assert len(tries) == 3
        assert [(await world.heard()).version for _ in range(2)] == [5, 6]

    played(story, offline=True)


def test_a_receiver_that_is_away_is_not_asked_for(played: Callable[..., None]) -> None:
    """It is told at once when it is back, and every hour from then on."""

    async def story(world: World) -> None:
        await world.heard()
        world.device.unplug()
        await asyncio.sleep(DAY_S)
        assert len(world.authority.asked) == 1
        world.device.plug()
        await asyncio.sleep(PLUGGING_S)
        assert (await world.heard()).version == 2
        await world.live(STATE_AGAIN_S + HEALTH_S)
        assert ((await world.heard()).version, world.gaps()[1:]) == (3, [STATE_AGAIN_S])

    played(story, offline=True)


def test_a_bridge_that_never_accepts_offline_asks_once(played: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        await world.heard()
        await world.live(DAY_S)
        assert len(world.authority.asked) == 1

    played(story, offline=False)
