"""Limits and revocations while a receiver stays up: renewed every hour, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest

from bridge.authority import UnansweredError
from bridge.events import Hub
from bridge.journal import Journal
from bridge.money.evidence import Evidence
from bridge.money.offline import HOUR_S
from bridge.service import Service, StationConfig
from bridge.station import STATE_AGAIN_S
from bridge.surroundings import Authority
from receiver import cbor, messages, signed, wire
from receiver.crypto import host
from simulator.authority.keys import Keys
from tests import evidence
from tests.bridge_device import Device
from tests.bridge_world import AT, BRIDGE_ID, RECEIVER, TILL
from tests.crash.virtual import Loop

HEALTH_S = 30  # as the firmware does (`firmware.device.app`)
PLUGGING_S = 30  # longer than the bridge waits before it opens a port again
DAY_S = 24 * 3600
ASKED_MOST = 100  # a bridge that asks all the time must not ask for ever


class Signing:
    """An authority that signs a newer state with other limits each time that it is asked."""

    def __init__(self, keys: Keys) -> None:
        self.asked: list[float] = []  # seconds of the loop
        self.silent = 0  # that many questions are not answered
        self.revoked: list[bytes] = []
        self._keys = keys

    def retry_now(self) -> None: ...

    async def state(self, receiver_id: bytes, nonce: bytes) -> bytes:
        self.asked.append(asyncio.get_running_loop().time())
        assert len(self.asked) <= ASKED_MOST, self.asked[-3:]
        if self.silent:
            self.silent -= 1
            raise UnansweredError("away")
        version = len(self.asked)
        named = sha256(self._listed()).digest()
        changes = {"nonce": nonce, "version": version, "offline_count": version}
        return evidence.state(self._keys, AT, revocations=named, **changes)

    async def revocations(self, receiver_id: bytes) -> bytes:
        return self._listed()

    def _listed(self) -> bytes:
        return cbor.encode(self.revoked)


class World:
    """A bridge in virtual time, and a receiver that is up and says so."""

    def __init__(self, folder: Path, journal: Journal, *, offline: bool) -> None:
        keys = Keys(folder / "authority-keys.json")
        certificate = evidence.certificate(keys, RECEIVER, AT)
        self.authority = Signing(keys)
        self.device = Device(RECEIVER, certificate, evidence.RECEIVER_ID)
        trusted = Evidence(host, keys.pins(), certificate)
        row = StationConfig(TILL, "memory:", trusted, self.device)
        authority = cast("Authority", self.authority)
        self.service = Service(BRIDGE_ID, journal, Hub(), authority, [row], offline=offline)
        self.station = self.service.stations[TILL]

    async def live(self, seconds: float) -> None:
        """Let time pass, with the receiver's HEALTH on the way."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            self.device.send(wire.HEALTH, wire.Health(0, 0, 0, cbor.encode({})))
            await asyncio.sleep(HEALTH_S)

    async def heard(self) -> messages.State:
        """The next state that the receiver was brought."""
        blob = await self.device.heard(wire.STATE)
        value: messages.State = signed.parse(messages.STATE, blob.data).value
        return value

    def gaps(self) -> list[int]:
        """Seconds between one question and the next."""
        asked = self.authority.asked
        return [round(later - sooner) for sooner, later in pairwise(asked)]


Story = Callable[[World], Coroutine[Any, Any, None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Run a story beside the bridge, and stop it."""

    async def told(world: World, story: Story) -> None:
        bridge = asyncio.create_task(world.service.run())
        await story(world)
        assert not bridge.done()
        bridge.cancel()
        await asyncio.wait([bridge])

    def played(story: Story, *, offline: bool = True) -> None:
        with closing(Journal(tmp_path / "journal.sqlite")) as journal:
            world = World(tmp_path, journal, offline=offline)
            with asyncio.Runner(loop_factory=Loop) as runner:
                runner.run(told(world, story))

    return played


def test_it_is_as_often_as_the_shortest_limit_ends() -> None:
    assert STATE_AGAIN_S <= HOUR_S  # `offline_hours` is 1 at least


def test_new_limits_and_revocations_come_every_hour(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        assert (await world.heard()).version == 1
        world.authority.revoked = [b"cred0001"]
        await world.live(STATE_AGAIN_S + HEALTH_S)
        known = world.station.evidence.state
        assert known is not None
        assert (known.version, known.offline_count) == (2, 2)
        assert known.revocations == sha256(cbor.encode([b"cred0001"])).digest()
        assert world.station._stand_in._revoked == frozenset([b"cred0001"])
        assert (await world.heard()).version == 2
        await world.live(DAY_S)
        assert set(world.gaps()) == {STATE_AGAIN_S}
        assert len(world.authority.asked) == 2 + DAY_S // STATE_AGAIN_S
        assert [(await world.heard()).version for _ in range(24)] == list(range(3, 27))

    play(story)


def test_an_authority_that_is_away_is_asked_until_it_answers(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        await world.heard()
        world.authority.silent = 3
        await world.live(2 * STATE_AGAIN_S + 20 * HEALTH_S)
        hour, *tries, next_hour = world.gaps()
        assert (hour, next_hour) == (STATE_AGAIN_S, STATE_AGAIN_S)
        assert len(tries) == 3
        assert [(await world.heard()).version for _ in range(2)] == [5, 6]

    play(story)


def test_a_receiver_that_is_away_is_not_asked_for(play: Callable[..., None]) -> None:
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

    play(story)


def test_a_bridge_that_never_accepts_offline_asks_once(play: Callable[..., None]) -> None:
    async def story(world: World) -> None:
        await world.heard()
        await world.live(DAY_S)
        assert len(world.authority.asked) == 1

    play(story, offline=False)
