"""Offline: the bridge accepts an approval, and the receiver signs for it within its own limits."""

from __future__ import annotations

from typing import Any

import pytest

from receiver import reasons
from receiver.core import identity, sale_session
from receiver.crypto import host
from receiver.link import wire
from receiver.protocol import exchange, gatt, identifiers, messages, signed
from simulator.authority.keys import Keys
from tests.receiver.core.test_bridge import sync
from tests.support.machines.receiver import EPOCH, RECEIVER, TILL, TTL_S, Phone, World
from tests.support.machines.slices import SLICES, Sliced
from tests.support.values import evidence

FLOOR = evidence.AMOUNT
ORIGINAL = bytes(range(16))


def claimed(world: World, floor: int = FLOOR, **order: Any) -> Phone:
    """A verified approval at the bridge, of a phone that may buy offline for `floor`."""
    world.open(**order)
    phone = Phone(world, offline_floor=floor).connect().approve()
    assert world.sale.state == sale_session.CLAIMED
    return phone


def ready(world: World, **order: Any) -> Phone:
    """As `claimed`, at a receiver that knows time and floor."""
    world.state(offline_floor=FLOOR)
    return claimed(world, **order)


@pytest.fixture
def phone(world: World) -> Phone:
    return ready(world)


@pytest.fixture
def limited(world: World) -> World:
    """An offer is on the air, of a receiver that knows time and floor."""
    world.state(offline_floor=FLOOR)
    world.open()
    return world


def read(world: World, data: bytes) -> messages.Provisional:
    """A provisional receipt, checked as a phone checks it."""
    parsed = signed.parse(messages.PROVISIONAL, data)
    assert parsed.sign1.kid == identifiers.certificate_hash(world.certificate)[:8]
    signed.verify(messages.PROVISIONAL, parsed, host.ed25519_public(RECEIVER), host)
    value: messages.Provisional = parsed.value
    return value


def verdicts(world: World) -> list[int]:
    return [verdict.reason for verdict in world.sent(wire.VERDICT)]


# What it signs.


def test_bridge_and_phone_get_the_same_provisional_receipt(world: World, phone: Phone) -> None:
    world.stand_in(time=EPOCH + 7)
    (told,) = world.sent(wire.PROVISIONAL)
    assert told.session == world.session
    assert phone.receipts == [told.receipt]
    assert read(world, told.receipt) == messages.Provisional(
        messages.VERSION, phone.approval_id, evidence.AMOUNT, evidence.SEK, EPOCH + 7, 101, TILL
    )
    assert (world.sale.state, world.counters) == (sale_session.ACCEPTED, {})


def test_on_air_it_looks_like_any_result(world: World, phone: Phone) -> None:
    world.stand_in()
    world.result()
    assert [len(data) for data in phone.notified] == [gatt.EXCHANGE_MOST] * 2
    assert {data[0] for data in phone.notified} == {exchange.RESULT}


def test_the_result_still_comes_where_the_link_lives(world: World, phone: Phone) -> None:
    world.stand_in()
    world.result(b"the receipt")
    provisional = world.sent(wire.PROVISIONAL)[0].receipt
    assert phone.receipts == [provisional, b"the receipt"]
    phone.again()
    assert phone.receipts == [provisional, b"the receipt", b"the receipt"]
    assert world.sale.state == sale_session.SETTLED


def test_the_same_bytes_again(world: World, phone: Phone) -> None:
    """Whatever time a repeat names; the phone, too, gets what it had when it asks again."""
    world.stand_in()
    world.stand_in(time=EPOCH + 9)
    first, second = world.sent(wire.PROVISIONAL)
    assert first == second
    assert len(phone.notified) == 1
    phone.again()
    assert phone.receipts == [first.receipt, first.receipt]
    assert world.counters == {}


def test_a_bridge_that_comes_anew_is_told_again(world: World) -> None:
    ready(world)
    world.stand_in()
    told = world.sent(wire.PROVISIONAL)
    assert sync(world)[1:] == told


def test_a_phone_that_is_gone_is_signed_for_all_the_same(world: World, phone: Phone) -> None:
    """The goods go over the counter either way; the phone learns of it from the authority."""
    phone.vanish()
    world.stand_in()
    assert len(world.sent(wire.PROVISIONAL)) == 1
    other = Phone(world, phone.link, "other").connect()
    world.stand_in()
    assert other.notified == []


def test_it_signs_in_slices(keys: Keys) -> None:
    crypto = Sliced()
    world = World(keys, crypto=crypto)
    ready(world)
    crypto.forget()
    world.lazy = True
    world.stand_in()
    world.stand_in()
    assert (world.sale.state, crypto.steps) == (sale_session.STANDING_IN, [])
    assert world.advert().flags == gatt.FLAG_BUSY
    world.work()
    assert crypto.steps == ["ed25519_sign_job"] * SLICES
    assert (world.sale.state, len(world.sent(wire.PROVISIONAL))) == (sale_session.ACCEPTED, 1)
    assert world.advert().flags == 0


@pytest.mark.parametrize(
    ("end", "after"),
    [
        (World.result, sale_session.SETTLED),
        (World.cancel, sale_session.IDLE),
        (lambda world: world.reject(reasons.CREDENTIAL_REVOKED), sale_session.OPEN),
        (World.open, sale_session.SIGNING),
        (lambda world: world.pass_time(TTL_S * 1000 + gatt.GRACE_MS), sale_session.IDLE),
    ],
)
def test_what_ends_the_session_ends_the_signing(keys: Keys, end: Any, after: str) -> None:
    crypto = Sliced()
    world = World(keys, crypto=crypto)
    ready(world)
    world.lazy = True
    world.stand_in()
    crypto.forget()
    while not crypto.steps:
        world.slice()
    end(world)
    assert world.sale.state == after
    assert crypto.closed == ["ed25519_sign_job"]
    world.work()
    assert world.sent(wire.PROVISIONAL) == []


def test_the_next_sale_after_one_that_was_accepted_offline(world: World) -> None:
    first = ready(world)
    world.stand_in()
    world.open()
    phone = Phone(world, 1, "next", offline_floor=FLOOR).connect().approve()
    world.stand_in()
    told = world.sent(wire.PROVISIONAL)
    assert phone.receipts == [told[1].receipt]
    assert told[0].receipt not in (b"", told[1].receipt)
    assert first.receipts == [told[0].receipt]


def test_an_accepted_session_ends_by_itself(world: World) -> None:
    ready(world)
    world.stand_in()
    world.pass_time(TTL_S * 1000 + gatt.GRACE_MS)
    assert (world.sale.state, world.sale.provisional) == (sale_session.IDLE, b"")


# What it does not sign: the bridge is told why, and may still end the session in any other way.


def refuses(world: World, phone: Phone, reason: int) -> None:
    """The next stand-in has this answer, and changes nothing by itself."""
    world.mute = True
    world.stand_in()
    last = world.sent(wire.VERDICT)[-1]
    assert last == wire.Verdict(world.session, phone.approval_id, reason)
    assert world.sent(wire.PROVISIONAL) == []
    assert phone.notified == []
    assert (world.counters, world.sale.state) == ({reason: 1}, sale_session.CLAIMED)
    world.result(b"the receipt")
    assert phone.receipts == [b"the receipt"]


def test_nothing_without_the_time_since_boot(world: World) -> None:
    refuses(world, claimed(world), reasons.STALE_STATE)


@pytest.mark.parametrize("apart", [-identity.APART_S - 1, identity.APART_S + 1])
def test_nothing_at_another_time(world: World, apart: int) -> None:
    world.state(offline_floor=FLOOR, seconds=EPOCH + apart)
    refuses(world, claimed(world), reasons.STALE_STATE)


@pytest.mark.parametrize("apart", [-identity.APART_S, identity.APART_S])
def test_clocks_may_drift(world: World, apart: int) -> None:
    world.state(offline_floor=FLOOR, seconds=EPOCH + apart)
    claimed(world)
    world.stand_in()
    assert len(world.sent(wire.PROVISIONAL)) == 1


@pytest.mark.parametrize(("of_receiver", "of_credential"), [(FLOOR - 1, FLOOR), (FLOOR, FLOOR - 1)])
def test_nothing_above_either_floor(world: World, of_receiver: int, of_credential: int) -> None:
    world.state(offline_floor=of_receiver)
    refuses(world, claimed(world, of_credential), reasons.ABOVE_FLOOR)


def test_nothing_while_offline_is_off(world: World) -> None:
    world.state()
    refuses(world, claimed(world), reasons.ABOVE_FLOOR)


def test_no_refund(world: World) -> None:
    phone = ready(world, kind=messages.REFUND, original=ORIGINAL)
    refuses(world, phone, reasons.WRONG_KIND)


# What it is told and does not do.


def ignores(world: World, reason: int, **changes: Any) -> None:
    before, told = world.sale.state, verdicts(world)
    world.stand_in(**changes)
    assert world.counters == {reason: 1}
    assert world.sent(wire.PROVISIONAL) == []
    assert (world.sale.state, verdicts(world)) == (before, told)


def test_a_stand_in_for_another_approval(world: World, phone: Phone) -> None:
    ignores(world, reasons.WRONG_SESSION, approval_id=bytes(16))
    assert phone.notified == []


def test_a_stand_in_for_another_session(world: World) -> None:
    ready(world)
    ignores(world, reasons.WRONG_SESSION, session=bytes(32))


def test_a_stand_in_without_a_candidate(limited: World) -> None:
    ignores(limited, reasons.WRONG_SESSION)


def test_a_stand_in_before_the_verdict(limited: World) -> None:
    """What has not been verified here is not signed for, in whatever hurry the bridge is."""
    phone = Phone(limited, offline_floor=FLOOR).connect().key().present()
    limited.lazy = True
    phone.sign()
    assert limited.sale.state == sale_session.CHECKING
    ignores(limited, reasons.WRONG_ORDER)
    limited.work()
    assert verdicts(limited) == [reasons.OK]
    assert limited.sent(wire.PROVISIONAL) == []


def test_a_stand_in_for_what_was_refused_here(limited: World) -> None:
    limited.mute = True
    Phone(limited, offline_floor=FLOOR).connect().approve(amount=1)
    assert limited.sale.state == sale_session.REFUSING
    limited.counters.clear()
    ignores(limited, reasons.WRONG_ORDER)


def test_a_stand_in_after_the_result(world: World, phone: Phone) -> None:
    world.result(b"declined")
    ignores(world, reasons.WRONG_ORDER)
    assert phone.receipts == [b"declined"]


def test_no_stand_in_brings_back_what_the_result_replaced(world: World, phone: Phone) -> None:
    world.stand_in()
    world.result(b"declined")
    world.stand_in()
    assert world.counters == {reasons.WRONG_ORDER: 1}
    phone.again()
    assert phone.receipts[-1] == b"declined"


def test_a_session_that_is_over_is_not_stood_in_for(world: World, phone: Phone) -> None:
    order = wire.StandIn(world.session, world.sale.candidate.id, EPOCH)
    world.cancel()
    world.send(wire.STAND_IN, order)
    world.open()
    world.send(wire.STAND_IN, order)
    assert world.counters == {reasons.WRONG_SESSION: 2}
    assert world.sent(wire.PROVISIONAL) == []
    assert phone.receipts == []


def test_the_bridge_may_refuse_what_is_not_signed_for(world: World) -> None:
    """Then the phone is told so, and the next one may come."""
    phone = claimed(world)
    world.stand_in()
    assert verdicts(world) == [reasons.OK, reasons.STALE_STATE]
    assert phone.refused == [exchange.REFUSED]
    assert world.sale.state == sale_session.OPEN
