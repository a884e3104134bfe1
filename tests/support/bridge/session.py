"""A bridge with one receiver in virtual time: a scripted receiver and authority, a real link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from bridge.authority.client import UnansweredError
from bridge.authority.messages import PositionClaim, StandingAnswer, Verdict
from bridge.books.event_bus import EventBus
from bridge.domain.receipts import Receipts
from bridge.domain.verification import Evidence
from bridge.journal import Journal
from bridge.sales.ports import Authority
from bridge.sales.receiver_session import ReceiverSetup
from bridge.sales.sale_service import Service
from receiver.crypto import host
from receiver.encoding import cbor, schema
from receiver.link import wire
from receiver.protocol import messages, signed
from simulator.authority.keys import Keys
from simulator.virtual.loop import Loop
from tests.support.bridge.device import Device
from tests.support.machines.controller import AT, BRIDGE_ID, RECEIVER, TILL
from tests.support.values import evidence

HEALTH_S = 30  # as the firmware does (`firmware.device.app`)
PLUGGING_S = 30  # longer than the bridge waits before it opens a port again
ASKED_MOST = 100  # a bridge that asks all the time must not ask for ever


LEASE_S = 86_400  # nothing is to be heard of positions


class Signing:
    """An authority that signs a newer state with other limits each time that it is asked."""

    def __init__(self, keys: Keys) -> None:
        self.asked: list[float] = []  # seconds of the loop
        self.silent = 0  # that many questions are not answered
        self.revoked: list[bytes] = []
        self._keys = keys

    def retry_now(self) -> None: ...

    async def announce(self, claim: PositionClaim) -> StandingAnswer:
        return StandingAnswer(Verdict.CURRENT, None, None, LEASE_S, None)

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
    """The bridge's service, and a receiver that is up and says so."""

    def __init__(self, folder: Path, journal: Journal, *, offline: bool) -> None:
        keys = Keys(folder / "authority-keys.json")
        certificate = evidence.certificate(keys, RECEIVER, AT, expires=schema.UINT_MOST)
        self.authority = Signing(keys)
        self.device = Device(RECEIVER, certificate, evidence.RECEIVER_ID)
        trusted = Evidence(host, keys.pins(), certificate)
        row = ReceiverSetup(TILL, "memory:", trusted, self.device)
        authority = cast("Authority", self.authority)
        prove = Receipts(host, keys.pins()).prove
        self.service = Service(
            bridge_id=BRIDGE_ID,
            journal=journal,
            bus=EventBus(),
            authority=authority,
            receivers=[row],
            prove=prove,
            offline=offline,
        )
        self.station = self.service.sessions[TILL]

    async def live(self, seconds: float) -> None:
        """Let time pass, with the receiver's HEALTH on the way."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            self.device.send(wire.HEALTH, wire.Health(0, 0, 0, cbor.encode({}), 0, 0))
            await asyncio.sleep(HEALTH_S)

    async def heard(self) -> messages.State:
        """The next state that the receiver was brought."""
        blob = await self.device.heard(wire.STATE)
        value: messages.State = signed.parse(messages.STATE, blob.data).value
        return value

    def gaps(self) -> list[int]:
        """Seconds between one question for the state and the next."""
        return [round(later - sooner) for sooner, later in pairwise(self.authority.asked)]


Story = Callable[[World], Coroutine[Any, Any, None]]


def play(world: World, story: Story) -> None:
    """The story beside the bridge, from its start to its stop."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(_told(world, story))


async def _told(world: World, story: Story) -> None:
    bridge = asyncio.create_task(world.service.run())
    await story(world)
    assert not bridge.done()
    bridge.cancel()
    await asyncio.wait([bridge])
