"""Anything, in any order: the receiver raises nothing, grows nowhere, and serves the next."""

from __future__ import annotations

import contextlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver import exchange, gatt, peer, ports, reasons, sale, session, wire
from receiver.errors import Error
from simulator.authority.keys import Keys
from tests import evidence
from tests.machine.world import TTL_S, Phone, World

LINKS = gatt.LINKS_MOST
# The way of a sale is drawn often enough that the later states are reached.
STEPS = (
    *("come", "approve", "work") * 8,
    *("open", "result", "vanish", "wait") * 3,
    *("reject", "sync", "wrong", "connect", "mtu"),
    *("key", "present", "junk", "leave", "cancel", "state", "certificate", "noise", "health"),
)
PLANS = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, LINKS - 1), st.integers(0, 3)),
    min_size=20,
    max_size=60,
)
WAITS = (1, 300, 1_500, 40_000)


class Chaos:
    """A world in which every step may happen at any time."""

    def __init__(self, keys: Keys, credentials: dict[int, bytes]) -> None:
        self.world = World(keys)
        self.world.lazy = True
        self.credentials = credentials

    def step(self, name: str, link: int, number: int) -> None:
        """One step; a radio step on a link that is not there means nothing to a radio."""
        if name in ("connect", "mtu", "vanish", "key", "present", "approve", "wrong", "junk"):
            self.on_air(name, link, number)
        elif name == "come":
            self.come(link)
        elif name == "leave":
            self.write(link, bytes([exchange.LEAVE, number]))
        elif name in ("work", "wait"):
            self.in_time(name, number)
        else:
            self.on_wire(name, number)
        self.world.drain()

    def come(self, link: int) -> None:
        """A phone that knows what it does; else the later states were seldom reached."""
        for step in ("connect", "mtu", "key", "present"):
            self.on_air(step, link, 2)

    def on_air(self, name: str, link: int, number: int) -> None:
        world = self.world
        if name == "connect":
            world.feed(ports.Connected(link))
        elif name == "vanish":
            world.feed(ports.Disconnected(link))
        elif name == "mtu":
            world.feed(ports.MtuAgreed(link, (23, 184, 185, 517)[number]))
        elif name == "key":
            self.write(link, bytes([exchange.KEY]))
        elif name == "present":
            self.write(link, bytes([exchange.CREDENTIAL]) + self.credentials[link])
        elif name == "junk":
            self.write(link, (b"", b"\x00", b"\x03", bytes(400))[number])
        else:
            self.approve(link, {"counter": number} if name == "approve" else {"amount": 1})

    def approve(self, link: int, changes: dict[str, Any]) -> None:
        offer = self.world.shown() or (self.world.sale.offered and self.world.sale.offered.data)
        if offer:
            own, certificate = evidence.seed(f"phone {link}"), self.world.certificate
            data = evidence.approval(own, certificate, offer, self.credentials[link], **changes)
            self.write(link, bytes([exchange.APPROVAL]) + data)

    def write(self, link: int, data: bytes) -> None:
        self.world.feed(ports.Written(link, data))

    def on_wire(self, name: str, number: int) -> None:
        world = self.world
        own = world.sale.session or bytes(32)
        if name == "open":
            world.open(reference=b"saleref%d" % number, ttl=(1, 10, 60, 120)[number])
        elif name == "cancel":
            world.cancel(b"saleref%d" % number)
        elif name == "result":
            world.send(wire.RESULT, wire.Result(own, bytes(number)))
        elif name == "reject":
            reason = (reasons.OK, reasons.CREDENTIAL_REVOKED, reasons.OLD_APP, 200)[number]
            name_of = world.sale.approval_id or bytes(16)
            world.send(wire.VERDICT, wire.Verdict(own, name_of, reason))
        elif name == "state":
            world.state(version=number)
        elif name == "certificate":
            world.send(wire.CERTIFICATE, wire.Blob((world.certificate, b"?")[number % 2]))
        elif name == "noise":
            world.feed(ports.WireMessage(number * 8, bytes([0xA1, 1, number])))
        elif name == "sync":
            world.connect_bridge()
        else:
            world.receiver.health(world.now, 1)

    def in_time(self, name: str, number: int) -> None:
        world = self.world
        if name == "work":
            world.receiver.work(world.now)
        else:
            world.pass_time(WAITS[number])

    def check(self) -> None:
        """What is always true."""
        world, held = self.world, self.world.sale
        assert len(world.receiver.air.links) <= LINKS
        assert len(held.waiting) <= sale.WAITING_MOST
        assert (held.state == sale.IDLE) == (held.offered is None)
        assert (held.candidate is not None) == (
            held.state in (sale.CHECKING, sale.CLAIMED, sale.SETTLED)
        )
        if world.shown():
            assert held.state in (sale.OPEN, sale.CHECKING)
        elif held.state == sale.CHECKING:
            assert not held.shown(world.now)
        else:
            assert held.state != sale.OPEN
        for one in world.receiver.air.links:
            assert bool(one.approval_data) == (one.state in (peer.APPROVED, peer.ANSWERED))
            assert one.credential is None or one.credential_data
        if len(world.receiver.air.links) < LINKS:
            assert world.advert().flags == self.flags()

    def flags(self) -> int:
        state = self.world.sale.state
        busy = state in (sale.CHECKING, sale.CLAIMED)
        return gatt.FLAG_OPEN if state == sale.OPEN else gatt.FLAG_BUSY if busy else 0


@pytest.fixture(scope="module")
def credentials(keys: Keys) -> dict[int, bytes]:
    world = World(keys)
    return {link: Phone(world, link, f"phone {link}").credential for link in range(LINKS)}


@settings(max_examples=300, deadline=None)
@given(plan=PLANS)
def test_anything_in_any_order(
    keys: Keys, credentials: dict[int, bytes], plan: list[tuple[str, int, int]]
) -> None:
    chaos = Chaos(keys, credentials)
    for step in plan:
        chaos.step(*step)
        if step[0] != "wait":
            chaos.world.receiver.expire(chaos.world.now)
            chaos.world.drain()
        chaos.check()
    prove_money(chaos.world)
    serve(chaos.world)


def prove_money(world: World) -> None:
    """Each session has given at most one approval between two refusals of the bridge."""
    events = [item for item in world.of(ports.Send) if item.channel == wire.VERDICT]
    for one, other in pairwise([wire.decode(wire.VERDICT, item.payload) for item in events]):
        assert one.reason == other.reason == reasons.OK
        assert len(one.approval_id) == 16
    shown = {session.session_id(item.data) for item in world.of(ports.ShowOffer) if item.data}
    assert {record.session for record in world.sent(wire.APPROVAL)} <= shown


def serve(world: World) -> None:
    """Whatever was, the next phone pays."""
    world.lazy = False
    for link in range(LINKS):
        world.feed(ports.Disconnected(link))
    world.open(reference=b"the next", ttl=TTL_S)
    Phone(world, 0, "next").connect().approve()
    assert world.sale.state == sale.CLAIMED
    world.result()
    world.cancel(b"the next")


@given(st.binary(max_size=200), st.integers(0, 4))
@settings(max_examples=200)
def test_arbitrary_writes(keys: Keys, data: bytes, steps: int) -> None:
    world = World(keys)
    world.open()
    phone = Phone(world).connect()
    for step in (phone.key, phone.present)[:steps]:
        step()
    phone.raw(data)
    assert world.sale.state == sale.OPEN
    assert sum(world.counters.values()) <= 1


@given(st.binary(max_size=200))
def test_arbitrary_writes_are_parsed_or_refused(data: bytes) -> None:
    with contextlib.suppress(Error):
        write = exchange.parse(data)
        assert bytes([write.type]) + write.body == data
        assert len(data) <= gatt.EXCHANGE_MOST
