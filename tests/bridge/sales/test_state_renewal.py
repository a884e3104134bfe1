"""Limits and revocations while a receiver stays up: renewed every hour, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from bridge.domain.offline import HOUR_S
from bridge.journal import Journal
from bridge.sales.provisioning import STATE_AGAIN_S
from receiver.encoding import cbor
from tests.support.bridge.session import HEALTH_S, PLUGGING_S, Story, World, play

DAY_S = 24 * 3600


@pytest.fixture
def played(tmp_path: Path) -> Callable[..., None]:
    """Play a story with a bridge that may accept offline, or not."""

    def plays(story: Story, *, offline: bool = True) -> None:
        with closing(Journal.open(tmp_path / "journal.sqlite")) as journal:
            play(World(tmp_path, journal, offline=offline), story)

    return plays


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

    played(story)


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

    played(story)


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
        assert (await world.heard()).version == 3
        assert world.gaps()[1:] == [STATE_AGAIN_S]

    played(story)


def test_a_bridge_that_never_accepts_offline_asks_once(played: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        await world.heard()
        await world.live(DAY_S)
        assert len(world.authority.asked) == 1

    played(story, offline=False)
