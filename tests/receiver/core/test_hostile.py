"""Anything, in any order: the receiver raises nothing, grows nowhere, and serves the next."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver import reasons
from receiver.core import connection, io, sale_session
from receiver.errors import Error
from receiver.link import wire
from receiver.protocol import exchange, gatt, identifiers
from simulator.authority.keys import Keys
from tests.support.machines.receiver import TTL_S, Phone, Said, World
from tests.support.machines.slices import Sliced
from tests.support.machines.watch import Watch

LINKS = gatt.LINKS_MOST
# The way of a sale is drawn often enough that the later states are reached.
STEPS = (
    *("come", "approve", "work", "finish") * 6,
    *("open", "result", "vanish", "back", "wait") * 3,
    *("reject", "confirm", "sync", "wrong", "again", "connect", "mtu", "lost"),
    *("key", "present", "junk", "leave", "cancel", "state", "certificate", "noise", "health"),
)
PLANS = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, LINKS - 1), st.integers(0, 3)),
    min_size=20,
    max_size=60,
)
WAITS = (1, 300, 6_000, 40_000)
ON_AIR = {
    *("come", "connect", "mtu", "vanish", "key", "present", "approve", "wrong", "again"),
    *("junk", "leave", "back"),
}
WITH_CANDIDATE = (
    sale_session.CHECKING,
    sale_session.REFUSING,
    sale_session.CLAIMED,
    sale_session.SETTLED,
)


class Chaos:
    """A world in which every step may happen at any time."""

    def __init__(self, keys: Keys) -> None:
        self.world = World(keys, crypto=Sliced())
        self.world.lazy = self.world.mute = True
        self.phones = [Phone(self.world, link, f"phone {link}") for link in range(LINKS)]
        self.secrets = Watch(self.world)

    def step(self, name: str, link: int, number: int) -> None:
        """One step; a radio step on a link that is not there means nothing to a radio."""
        if name in ON_AIR:
            self.on_air(name, self.phones[link], number)
        elif name in ("work", "finish", "wait"):
            self.in_time(name, number)
        else:
            self.on_wire(name, number)
        self.world.drain()

    def on_air(self, name: str, phone: Phone, number: int) -> None:
        if name == "come":  # one that knows what it does; else later states were seldom reached
            phone.connect().key().present()
        elif name == "mtu":
            self.world.feed(io.MtuAgreed(phone.link, (23, 184, 185, 517)[number]))
        elif name == "junk":
            phone.raw((b"", b"\x00", b"\x03", bytes(400))[number])
        elif name == "leave":
            phone.write(exchange.LEAVE, bytes([number]))
        elif name == "back":
            self.come_back(phone, number)
        elif name in ("approve", "wrong"):
            self.approve(phone, {"counter": number} if name == "approve" else {"amount": 1})
        else:
            getattr(phone, name)()

    def come_back(self, phone: Phone, number: int) -> None:
        """On its own link or on another's, whose phone then has the link that this one left."""
        if phone.proofs is None:
            return
        other, left = self.phones[number], phone.link
        self.phones[left], self.phones[number] = other, phone
        other.move(left)
        phone.come_back(number)

    def approve(self, phone: Phone, changes: dict[str, Any]) -> None:
        if phone.offer:
            phone.sign(**changes)

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
            held = world.sale.candidate
            name_of = held.id if held and number else bytes(16)
            world.send(wire.VERDICT, wire.Verdict(own, name_of, reason))
        elif name == "confirm":
            held = world.sale.candidate
            if held and world.sale.state == sale_session.REFUSING:
                world.send(wire.VERDICT, wire.Verdict(own, held.id, world.sale.refusal))
        elif name == "lost":
            world.feed(io.RadioLost())
        elif name == "state":
            world.state(version=number)
        elif name == "certificate":
            world.send(wire.CERTIFICATE, wire.Blob((world.certificate, b"?")[number % 2]))
        elif name == "noise":
            world.feed(io.WireMessage(number * 8, bytes([0xA1, 1, number])))
        elif name == "sync":
            world.connect_bridge()
        else:
            world.receiver.health(world.now, 1)

    def in_time(self, name: str, number: int) -> None:
        world = self.world
        if name == "work":
            world.slice()
        elif name == "finish":
            world.work()
        else:
            world.pass_time(WAITS[number])

    def check(self) -> None:
        """What is always true."""
        world, held, links = self.world, self.world.sale, self.world.receiver.air.links
        assert len(links) <= LINKS
        assert len(held.waiting) <= sale_session.WAITING_MOST
        assert (held.state in (sale_session.IDLE, sale_session.SIGNING)) == (held.offered is None)
        assert (held.candidate is not None) == (held.state in WITH_CANDIDATE)
        if world.shown():
            assert held.state in (sale_session.OPEN, sale_session.CHECKING, sale_session.REFUSING)
        elif held.state in (sale_session.CHECKING, sale_session.REFUSING):
            assert not held.shown(world.now)
        else:
            assert held.state != sale_session.OPEN
        for one in links:
            self.check_link(one)
        # An offer, a candidate, the state, a key for the pool, the issuers', and one for each link.
        assert len(world.receiver.judge.work._queue) <= 5 + len(links) + len(links.left)
        exchanges = [one for one in links if one.sealed.enc]
        assert len(exchanges) + len(links.left) <= LINKS
        assert all(one.may_return or one.state == connection.PARTING for one in links.left)
        if len(links) < LINKS:
            assert world.advert().flags == self.flags()
        self.secrets.check()

    def check_link(self, one: connection.Peer) -> None:
        parting = one.state == connection.PARTING
        approved = one.state in (connection.APPROVED, connection.ANSWERED)
        assert bool(one.sealed.approval_sealed) == approved or parting
        assert bool(one.sealed.enc) == (one.has_key or one.state == connection.ANSWERED or parting)
        assert one.sealed.results is None or not parting
        assert one.sealed.credential is None or one.sealed.credential_data
        assert one.sealed.context is None or one.has_key
        assert not one.sealed.approval_data or one.sealed.credential

    def flags(self) -> int:
        state = self.world.sale.state
        busy = state in (sale_session.CHECKING, sale_session.REFUSING, sale_session.CLAIMED)
        return gatt.FLAG_OPEN if state == sale_session.OPEN else gatt.FLAG_BUSY if busy else 0


@pytest.mark.random
@settings(max_examples=300, deadline=None)
@given(plan=PLANS)
def test_anything_in_any_order(keys: Keys, plan: list[tuple[str, int, int]]) -> None:
    chaos = Chaos(keys)
    for step in plan:
        chaos.step(*step)
        if step[0] != "wait":
            chaos.world.receiver.expire(chaos.world.now)
            chaos.world.drain()
        chaos.check()
    prove_money(chaos.world)
    serve(chaos.world)
    chaos.secrets.check()
    chaos.world.receiver.erase()
    chaos.secrets.check_all()


def prove_money(world: World) -> None:
    """The bridge has one candidate at a time: the next of a session comes after its word on the
    last, and never twice does the receiver say that one holds without that word between."""
    shown = {identifiers.session_id(item.data) for item in world.of(io.ShowOffer) if item.data}
    at: dict[bytes, bytes] = {}  # session: the approval that the bridge has
    held: dict[bytes, bytes] = {}  # session: the approval that holds
    for item in world.outputs:
        if isinstance(item, Said) and item.channel == wire.VERDICT:
            if item.value.reason != reasons.OK:
                at.pop(item.value.session, None)
                held.pop(item.value.session, None)
        elif isinstance(item, io.Send) and item.channel == wire.APPROVAL:
            record = wire.decode(wire.APPROVAL, item.payload)
            assert record.session in shown
            assert at.setdefault(record.session, record.data) == record.data
        elif isinstance(item, io.Send) and item.channel == wire.VERDICT:
            verdict = wire.decode(wire.VERDICT, item.payload)
            assert verdict.session in at
            if verdict.reason == reasons.OK:
                name = verdict.approval_id
                assert held.setdefault(verdict.session, name) == name


def serve(world: World) -> None:
    """Whatever was, the next phone pays."""
    world.lazy = world.mute = False
    for link in range(LINKS):
        world.feed(io.Disconnected(link))
    world.open(reference=b"the next", ttl=TTL_S)
    Phone(world, 0, "next").connect().approve()
    assert world.sale.state == sale_session.CLAIMED
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
    assert world.sale.state == sale_session.OPEN
    assert sum(world.counters.values()) <= 1


@given(st.binary(max_size=200))
def test_arbitrary_writes_are_parsed_or_refused(data: bytes) -> None:
    with contextlib.suppress(Error):
        write = exchange.parse(data)
        assert bytes([write.type]) + write.body == data
        assert len(data) <= gatt.EXCHANGE_MOST
