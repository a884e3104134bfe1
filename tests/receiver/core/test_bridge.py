"""The receiver and its bridge: a link that comes up anew, health, and nonsense."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver import reasons
from receiver.core import io, receiver, sale_session
from receiver.encoding import cbor
from receiver.link import wire
from receiver.protocol import gatt, messages, signed
from tests.support.machines.receiver import BRIDGE_HELLO, TILL, Phone, World
from tests.support.values import evidence
from tests.support.values.channels import BOTH_WAYS, TO_BRIDGE, TO_RECEIVER


def after(world: World, event: Any) -> list[Any]:
    """What one event makes the receiver tell its bridge."""
    before = len(world.outputs)
    world.feed(event)
    return [
        wire.decode(item.channel, item.payload)
        for item in world.outputs[before:]
        if isinstance(item, io.Send)
    ]


def sync(world: World) -> list[Any]:
    """Return what a new bridge is told of the session; reports of phones follow it."""
    told = after(world, io.WireUp(BRIDGE_HELLO))
    session = [message for message in told if not isinstance(message, wire.Phone)]
    assert told[: len(session)] == session
    return session


def test_sync_without_a_sale(world: World) -> None:
    assert sync(world) == [wire.Opened(b"", b"", reasons.OK)]


def test_sync_with_an_open_session(world: World) -> None:
    offer = world.open()
    Phone(world).connect().key()
    assert sync(world) == [wire.Opened(evidence.REFERENCE, offer, reasons.OK)]


def test_sync_tells_the_credentials_again(world: World) -> None:
    """Else a new bridge could not judge the approval that comes next."""
    offer = world.open()
    phone = Phone(world).connect().key().present()
    opened, credential = sync(world)
    assert opened.offer == offer
    assert credential == world.sent(wire.CREDENTIAL)[0]
    assert credential.data == phone.credential


@pytest.mark.parametrize("gone", [False, True])
def test_sync_sends_the_unacknowledged_approval_again(selling: World, gone: bool) -> None:
    phone = Phone(selling).connect().approve()
    if gone:
        phone.vanish()
    told = [selling.sent(channel)[0] for channel in (wire.CREDENTIAL, wire.APPROVAL, wire.VERDICT)]
    assert sync(selling)[1:] == told
    selling.result()
    assert sync(selling)[1:] == []


def test_approval_while_the_bridge_is_away_comes_with_the_sync(selling: World) -> None:
    """The same bytes, whatever the link lost."""
    Phone(selling).connect().approve()
    first, second = sync(selling), sync(selling)
    assert first == second


def test_the_till_is_advertised_as_soon_as_its_bridge_is_there(world: World) -> None:
    """A phone may check in before the first sale."""
    assert world.advert().till == 0
    world.connect_bridge()
    assert world.advert() == gatt.Advert(gatt.VERSION, 0, TILL, bytes(3))


@pytest.mark.parametrize("hello", [b"", b"\xff", BRIDGE_HELLO[:-1]])
def test_a_bridge_that_cannot_be_understood_is_told_what_is_open_all_the_same(
    selling: World, hello: bytes
) -> None:
    (opened,) = after(selling, io.WireUp(hello))
    assert opened.reference == evidence.REFERENCE
    assert (selling.counters, selling.advert().till) == ({reasons.MALFORMED: 1}, TILL)


def test_identify(world: World) -> None:
    world.send(wire.IDENTIFY, wire.Identify(7))
    assert world.of(io.Blink) == [io.Blink(7)]


@pytest.mark.parametrize("slot", [0, 1, 2])
def test_restart(world: World, slot: int) -> None:
    world.send(wire.RESTART, wire.Restart(slot, 0))
    assert world.of(io.Restart) == [io.Restart(slot, 0)]


def test_no_restart_during_a_sale(selling: World) -> None:
    selling.send(wire.RESTART, wire.Restart(1, 0))
    assert selling.of(io.Restart) == []
    assert selling.counters == {reasons.BUSY: 1}


def test_a_settled_sale_delays_no_restart(selling: World) -> None:
    """Its result stays for a phone that comes back, up to a minute; an update need not wait."""
    Phone(selling).connect().approve()
    selling.result(b"receipt")
    assert selling.sale.state == sale_session.SETTLED
    selling.send(wire.RESTART, wire.Restart(0, 1))
    assert selling.of(io.Restart) == [io.Restart(0, 1)]


@pytest.mark.parametrize(
    ("outcome", "paid"), [(messages.APPROVED, True), (messages.DECLINED, False), (None, False)]
)
def test_the_lamp_may_tell_a_paid_sale(selling: World, outcome: int | None, paid: bool) -> None:
    """Of a receipt that cannot be read, it tells nothing."""
    Phone(selling).connect().approve()
    value = messages.Receipt(1, outcome or 0, bytes(16), 100, 752, bytes(16), 1, 1, TILL, 0)
    kid = bytes([messages.RECEIPT.role, 0])
    data = b"receipt"
    if outcome is not None:
        data = signed.encode(messages.RECEIPT, value, kid, lambda _message: bytes(64))
    selling.result(data)
    assert selling.sale.state == sale_session.SETTLED
    assert selling.receiver.paid is paid


# A fault of the board.

FULL = io.Fault(reasons.STORE_FAILED, "sequence: OSError(28,)")


def test_a_board_with_a_fault_opens_no_offer_and_says_why(world: World) -> None:
    world.feed(FULL)
    world.open()
    assert world.sent(wire.OFFER)[-1] == wire.Opened(evidence.REFERENCE, b"", reasons.STORE_FAILED)
    assert world.sale.state == sale_session.IDLE
    world.receiver.health(world.now, 1)
    world.drain()
    assert world.sent(wire.HEALTH)[-1].fault == reasons.STORE_FAILED


def test_a_number_that_could_not_be_stored_is_never_offered(world: World) -> None:
    """Else the next start would use it again."""
    world.lazy = True
    world.open()
    assert world.sale.state == sale_session.SIGNING
    world.feed(FULL)
    world.lazy = False
    world.drain()
    assert world.sent(wire.OFFER)[-1].reason == reasons.STORE_FAILED
    assert world.of(io.ShowOffer) in ([], [io.ShowOffer(b"")])
    assert world.sale.state == sale_session.IDLE


def test_an_offer_on_the_air_is_paid_in_spite_of_a_fault(selling: World) -> None:
    phone = Phone(selling).connect()
    selling.feed(FULL)
    assert selling.sale.state == sale_session.OPEN
    phone.approve()
    selling.result()
    assert selling.sale.state == sale_session.SETTLED
    selling.feed(io.Fault(reasons.OUT_OF_MEMORY, "another"))
    fault = selling.receiver.identity.fault
    assert fault is not None
    assert fault.code == reasons.STORE_FAILED  # the first one stays


def test_health(selling: World) -> None:
    for link in range(2):
        Phone(selling, link).connect()
    Phone(selling, 1).raw(b"?")
    selling.now = 77_999
    selling.receiver.health(selling.now, 40_000)
    selling.drain()
    counters = cbor.encode({reasons.WRONG_TYPE: 1})
    assert selling.sent(wire.HEALTH) == [wire.Health(77, 40_000, 2, counters, 0, 0)]


def test_health_has_room_for_every_counter(world: World) -> None:
    for reason in reasons.NAMES:
        world.counters[reason] = 0xFFFFFFFF
    world.receiver.report.count(reasons.OVERSIZE, "one more")
    assert world.counters[reasons.OVERSIZE] == 0xFFFFFFFF
    world.receiver.health(world.now, 0)


# Nonsense.


@pytest.mark.parametrize("channel", [*wire.LAYOUTS, 0, 33, 255])
@pytest.mark.parametrize("payload", [b"", b"\xa0", b"\xff", b"\x01", bytes(300), b"\xa1\x01\x20"])
def test_malformed_message(world: World, channel: int, payload: bytes) -> None:
    world.feed(io.WireMessage(channel, payload))
    assert list(world.counters.values()) == [1]
    assert world.of(io.LogLine)
    world.open()
    assert world.sale.state == sale_session.OPEN


@pytest.mark.parametrize("channel", [wire.SYNC, wire.OFFER, wire.PHONE, wire.HEALTH])
def test_message_in_the_wrong_direction(world: World, channel: int) -> None:
    samples = {
        wire.SYNC: wire.Opened(b"", b"", 0),
        wire.OFFER: wire.Opened(b"", b"", 0),
        wire.PHONE: wire.Phone(b"", 0, wire.PHONE_GONE, 0),
        wire.HEALTH: wire.Health(0, 0, 0, b"", 0, 0),
    }
    world.send(channel, samples[channel])
    assert world.counters == {reasons.WRONG_TYPE: 1}


@pytest.mark.parametrize(
    ("channel", "state"),
    [
        (channel, state)
        for channel in (wire.RESULT, wire.VERDICT)
        for state in (sale_session.IDLE, sale_session.OPEN, sale_session.SETTLED)
    ],
)
def test_answer_that_no_sale_waits_for(selling: World, channel: int, state: str) -> None:
    if state == sale_session.SETTLED:
        Phone(selling).connect().approve()
        selling.result()
    if state == sale_session.IDLE:
        selling.cancel()
    counted = sum(selling.counters.values())
    held = selling.sale.candidate
    if channel == wire.VERDICT:
        selling.reject(reasons.CREDENTIAL_REVOKED, bytes(16) if held is None else held.id)
    elif state != sale_session.SETTLED:  # there it is a repeat
        selling.result()
    assert selling.sale.state == state
    missing = channel == wire.RESULT and state == sale_session.SETTLED
    assert sum(selling.counters.values()) == counted + (0 if missing else 1)


@given(st.integers(0, 255), st.binary(max_size=80))
def test_arbitrary_messages(channel: int, payload: bytes) -> None:
    world = _world
    before = sum(world.counters.values())
    world.feed(io.WireMessage(channel, payload))
    assert sum(world.counters.values()) <= before + 1


_world: World


@pytest.fixture(autouse=True)
def shared(world: World) -> None:
    """Hypothesis takes no fixture that is new for each test."""
    global _world
    _world = world


def test_the_till_is_advertised_before_its_first_sale(world: World) -> None:
    before = len(world.outputs)
    sync(world)
    adverts = [item for item in world.outputs[before:] if isinstance(item, io.Advertise)]
    assert adverts[-1].data == gatt.advertising_data(TILL)
    assert adverts[-1].response == gatt.scan_response(0, TILL, bytes(3))


# Channels that the bridge may not use: well-formed or not, they change nothing at the receiver.


def test_every_order_has_its_channel() -> None:
    assert set(receiver._ORDERS) == {*TO_RECEIVER, *BOTH_WAYS}


@pytest.mark.parametrize("channel", TO_BRIDGE)
def test_a_bridge_speaks_as_if_it_were_a_receiver(selling: World, channel: int) -> None:
    Phone(selling).connect().approve()
    before, mark = selling.sale.state, len(selling.outputs)
    selling.feed(io.WireMessage(channel, wire.encode(channel, TO_BRIDGE[channel])))
    assert selling.counters == {reasons.WRONG_TYPE: 1}
    assert [type(output) for output in selling.outputs[mark:]] == [io.LogLine]
    assert selling.sale.state == before
    selling.result()
    assert selling.counters == {reasons.WRONG_TYPE: 1}


@pytest.mark.parametrize("channel", [0, 9, 15, 24, 33, 255])
def test_a_channel_that_does_not_exist(world: World, channel: int) -> None:
    world.feed(io.WireMessage(channel, b"\xa0"))
    assert world.counters == {reasons.WRONG_TYPE: 1}
