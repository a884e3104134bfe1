"""Whole sales through the receiver: offer, approval, result, cancel, and what comes after."""

from __future__ import annotations

import pytest

from receiver import reasons
from receiver.core import connection, io, sale_session
from receiver.crypto import host
from receiver.encoding import schema
from receiver.link import wire
from receiver.protocol import (
    enrolment,
    exchange,
    gatt,
    identifiers,
    messages,
    padding,
    pins,
    signed,
)
from simulator.authority.keys import Keys
from tests.support.machines.receiver import (
    EPOCH,
    RECEIVER,
    TILL,
    TTL_S,
    Phone,
    World,
    offer_of,
    session_of,
)
from tests.support.values import evidence


@pytest.fixture
def phone(selling: World) -> Phone:
    """Its verified approval is at the bridge."""
    phone = Phone(selling).connect().approve()
    assert selling.sale.state == sale_session.CLAIMED
    return phone


def renewed(world: World) -> bytes:
    """Another certificate for the same key."""
    return evidence.certificate(world.keys, RECEIVER, EPOCH, store_name="Ny butik")


# One sale.


def test_boot_shows_certificate_and_advertises_idle(world: World) -> None:
    assert world.of(io.ShowCertificate) == [io.ShowCertificate(world.certificate)]
    assert world.of(io.Advertise)[-1].interval_us == gatt.ADVERTISE_IDLE_US
    assert world.advert() == gatt.Advert(gatt.VERSION, 0, 0, bytes(3))


def test_offer_says_what_the_bridge_ordered(world: World) -> None:
    world.state()
    world.pass_time(7_900)
    offer = world.open()
    assert offer == world.shown()
    value = offer_of(world)
    assert (value.amount, value.currency, value.till) == (evidence.AMOUNT, evidence.SEK, TILL)
    assert (value.issued, value.ttl, value.kind) == (EPOCH + 7, TTL_S, messages.PURCHASE)
    assert world.sent(wire.OFFER) == [wire.Opened(evidence.REFERENCE, offer, reasons.OK)]
    assert world.advert() == gatt.Advert(gatt.VERSION, gatt.FLAG_OPEN, TILL, identifiers.tag(offer))
    assert world.of(io.Advertise)[-1].interval_us == gatt.ADVERTISE_OPEN_US


def test_approved_sale(world: World, phone: Phone) -> None:
    assert [message.data for message in world.sent(wire.CREDENTIAL)] == [phone.credential]
    record = wire.ApprovalRecord(session_of(phone.offer), phone.link, phone.approval)
    assert world.sent(wire.APPROVAL) == [record]
    verdict = wire.Verdict(record.session, phone.approval_id, reasons.OK)
    assert world.sent(wire.VERDICT) == [verdict]
    world.result(b"the receipt")
    assert phone.receipts == [b"the receipt"]
    assert len(phone.notified[0]) == gatt.EXCHANGE_MOST
    assert (world.sale.state, world.counters) == (sale_session.SETTLED, {})
    assert world.phone_events() == [(wire.PHONE_NEAR, reasons.OK), (wire.PHONE_SHOWN, reasons.OK)]


def test_what_the_bridge_hears_suffices_to_judge(world: World, phone: Phone) -> None:
    """Certificate hash, offer, enc and credential cross the line before the approval, once."""
    channels = [item.channel for item in world.of(io.Send)]
    order = [wire.CREDENTIAL, wire.APPROVAL, wire.VERDICT]
    assert [channel for channel in channels if channel in order] == order
    (record,) = world.sent(wire.CREDENTIAL)
    assert record.certificate_hash == identifiers.certificate_hash(world.certificate)
    assert (record.link, record.offer, record.enc) == (phone.link, phone.offer, phone.enc)


def test_check_in_before_the_amount_is_known(world: World) -> None:
    phone = Phone(world).connect()
    world.pass_time(gatt.CHECK_IN_MS - 1)
    world.open()
    assert phone.offers == 1
    phone.approve()
    assert world.sale.state == sale_session.CLAIMED


def test_session_is_closed_to_others_at_the_first_verified_approval(selling: World) -> None:
    late = Phone(selling, 1, "late").connect().key().present()
    late.sealed = late.seal(b"?", padding.APPROVAL_PADDED)
    Phone(selling).connect().approve()
    assert late.refused == [exchange.BUSY]
    assert (selling.shown(), selling.advert().flags) == (b"", gatt.FLAG_BUSY)
    late.again()
    assert late.is_cut()
    assert selling.counters == {reasons.WRONG_ORDER: 1}
    assert len(selling.sent(wire.APPROVAL)) == 1


def test_identical_repeat_gets_the_identical_result(world: World, phone: Phone) -> None:
    phone.again()
    assert phone.notified == []
    world.result(b"the receipt")
    phone.again()
    first, second = phone.notified
    assert first == second
    assert phone.receipts == [b"the receipt"] * 2
    assert len(world.sent(wire.APPROVAL)) == 1
    assert world.counters == {}


def test_repeat_survives_the_end_of_the_sale(world: World, phone: Phone) -> None:
    world.result()
    world.cancel()
    phone.again()
    assert len(phone.notified) == 2
    assert not phone.is_cut()


def test_second_approval_ends_the_link_and_not_the_sale(world: World, phone: Phone) -> None:
    phone.sign(counter=2)
    assert phone.refused == [exchange.REFUSED]
    assert world.counters == {reasons.SECOND_APPROVAL: 1}
    assert world.sale.state == sale_session.CLAIMED
    assert len(world.sent(wire.APPROVAL)) == 1


def test_replay_in_the_next_sale(world: World, phone: Phone) -> None:
    world.result()
    world.cancel()
    phone.vanish()
    world.open(reference=b"saleref2")
    again = Phone(world).connect().key().present().hand_over(phone.approval)
    assert again.refused == [exchange.REFUSED]
    assert (world.counters, world.sale.state) == ({reasons.BAD_SIGNATURE: 1}, sale_session.OPEN)


def test_vanishing_after_the_approval_changes_nothing_for_the_sale(
    world: World, phone: Phone
) -> None:
    phone.vanish()
    assert world.phone_events()[-1] == (wire.PHONE_GONE, reasons.OK)
    assert world.sale.state == sale_session.CLAIMED
    other = Phone(world, phone.link, "other").connect()
    world.result()
    assert world.sale.state == sale_session.SETTLED
    assert other.notified == []


def test_buyer_says_no(world: World) -> None:
    offer = world.open()
    for link, (why, reason) in enumerate(exchange.LEAVES.items()):
        phone = Phone(world, link).connect().key()
        phone.write(exchange.LEAVE, bytes([why]))
        assert phone.is_cut()
        assert phone.notified == []
        assert world.phone_events()[-1] == (wire.PHONE_LEFT, reason)
    assert (world.sale.state, world.shown()) == (sale_session.OPEN, offer)
    assert world.sent(wire.PHONE)[-1].session == session_of(offer)


# New offers and cancels.


def test_new_offer_after_a_mendable_decline_reaches_the_connected_phone(
    world: World, phone: Phone
) -> None:
    world.result(b"wrong code")
    first, second = phone.offer, world.open()
    assert first != second
    assert phone.offers == 1
    phone.approve()
    world.result(b"paid")
    assert phone.receipts == [b"wrong code", b"paid"]
    assert world.counters == {}


def at(selling: World, state: str) -> Phone:
    """A phone whose sale has come to this state."""
    phone = Phone(selling).connect().key().present()
    if state != sale_session.OPEN:
        selling.lazy = state == sale_session.CHECKING
        phone.sign()
    if state == sale_session.SETTLED:
        selling.result()
    assert selling.sale.state == state
    return phone


in_every_state = pytest.mark.parametrize(
    "state", [sale_session.OPEN, sale_session.CHECKING, sale_session.CLAIMED, sale_session.SETTLED]
)


@in_every_state
def test_cancel(selling: World, state: str) -> None:
    phone = at(selling, state)
    selling.cancel()
    assert (selling.sale.state, selling.shown()) == (sale_session.IDLE, b"")
    assert selling.advert().flags == 0
    assert not selling.receiver.busy()
    assert phone.refused == ([] if state == sale_session.SETTLED else [exchange.EXPIRED])
    selling.lazy = False
    selling.open(reference=b"saleref2")
    phone.approve()
    assert selling.sale.state == sale_session.CLAIMED


def test_cancel_of_another_sale_or_of_none(world: World) -> None:
    world.cancel()
    world.open()
    world.cancel(b"another1")
    assert world.sale.state == sale_session.OPEN


@in_every_state
def test_new_sale_takes_the_place_of_any(selling: World, state: str) -> None:
    phone = at(selling, state)
    selling.lazy = False
    selling.open(reference=b"saleref2")
    assert phone.offers == 1
    phone.approve()
    assert (selling.sale.reference, selling.sale.state) == (b"saleref2", sale_session.CLAIMED)
    assert selling.counters == {}


# The end of an offer.


def test_no_phone_comes(selling: World) -> None:
    selling.pass_time(TTL_S * 1000 - 1)
    reader = Phone(selling).connect()
    assert selling.sale.state == sale_session.OPEN
    selling.pass_time(1)
    assert (selling.sale.state, selling.shown()) == (sale_session.IDLE, b"")
    assert selling.counters == {reasons.OFFER_EXPIRED: 1}
    assert reader.refused == [exchange.EXPIRED]
    assert not reader.is_cut()


def test_a_phone_with_a_key_may_approve_a_little_later(selling: World) -> None:
    selling.pass_time(TTL_S * 1000 - 1)
    phone, reader = Phone(selling).connect().key(), Phone(selling, 1, "reader").connect()
    selling.pass_time(gatt.GRACE_MS)
    assert (selling.sale.state, selling.shown()) == (sale_session.ENDING, b"")
    assert selling.advert().flags == 0
    assert (phone.refused, reader.refused) == ([], [exchange.EXPIRED])
    phone.present().sign()
    assert selling.sale.state == sale_session.CLAIMED


def test_and_no_later_than_that(selling: World) -> None:
    selling.pass_time(TTL_S * 1000 - 1)
    phone = Phone(selling).connect().key().present()
    selling.pass_time(1 + gatt.GRACE_MS)
    assert selling.sale.state == sale_session.IDLE
    assert phone.is_cut()
    assert selling.counters == {reasons.LINK_TIMEOUT: 1, reasons.OFFER_EXPIRED: 1}


def test_key_after_the_end_even_before_the_clock_says_so(selling: World) -> None:
    phone = Phone(selling).connect()
    selling.now += TTL_S * 1000
    phone.key()
    assert phone.refused == [exchange.EXPIRED]
    assert selling.counters == {reasons.OFFER_EXPIRED: 1}


@pytest.mark.usefixtures("phone")
@pytest.mark.parametrize("settled", [False, True])
def test_a_session_is_given_up_in_the_end(world: World, settled: bool) -> None:
    if settled:
        world.result()
    world.pass_time((TTL_S * 1000) + gatt.GRACE_MS)
    assert (world.sale.state, world.advert().flags) == (sale_session.IDLE, 0)
    world.result()
    assert world.counters[reasons.WRONG_SESSION] == 1


# Sequence numbers and certificates.


def test_sequence_numbers_never_repeat_across_restarts(keys: Keys) -> None:
    """Whenever the power is cut: what was stored before is above everything that was used."""
    stored, used = 1, set[int]()
    for offers in (1, 64, 65, 3, 130):
        world = World(keys, reserved=stored)
        for _ in range(offers):
            before = len(world.outputs)
            number = signed.parse(messages.OFFER, world.open()).value.sequence
            step = [type(item) for item in world.outputs[before:]]
            if io.Keep in step:
                assert step.index(io.Keep) < step.index(io.ShowOffer)
                stored = int.from_bytes(world.of(io.Keep)[-1].data, "big")
            assert number not in used
            assert number < stored
            used.add(number)


def test_new_certificate_goes_live_when_no_phone_looks(selling: World) -> None:
    phone = Phone(selling).connect()
    old = selling.certificate
    new = evidence.certificate(selling.keys, RECEIVER, EPOCH, store_name="Ny butik")
    selling.send(wire.CERTIFICATE, wire.Blob(new))
    kept = selling.of(io.Keep)[-1]
    stored = schema.decode(enrolment.STORED, kept.data, enrolment.Stored)
    pinned = pins.encode(selling.receiver.identity.ring.pins)
    assert (kept.name, stored) == ("enrolment", (RECEIVER, new, pinned, 0, 0))
    assert selling.receiver.settled()
    selling.cancel()
    assert selling.of(io.ShowCertificate) == [io.ShowCertificate(old)]
    phone.vanish()
    assert selling.of(io.ShowCertificate)[-1] == io.ShowCertificate(new)
    selling.certificate = new
    selling.open()
    Phone(selling).connect().approve()
    assert selling.sale.state == sale_session.CLAIMED


def test_the_certificate_in_use_is_not_kept_again(world: World) -> None:
    """The bridge brings it whenever it comes; a store wears out."""
    world.send(wire.CERTIFICATE, wire.Blob(world.certificate))
    assert world.receiver.settled()
    assert world.of(io.Keep) == []
    assert len(world.of(io.ShowCertificate)) == 1


def test_lingering_phones_do_not_keep_a_new_certificate_from_the_next_sale(world: World) -> None:
    """The bridge takes no offer under the old one: who holds a link is sent away."""
    idle = Phone(world).connect()
    new = renewed(world)
    world.send(wire.CERTIFICATE, wire.Blob(new))
    assert world.of(io.ShowCertificate)[-1] != io.ShowCertificate(new)
    world.certificate = new
    world.open()
    assert world.of(io.ShowCertificate)[-1] == io.ShowCertificate(new)
    assert idle.is_cut()
    assert idle.refused == [exchange.RETRY]
    assert world.counters == {reasons.CERTIFICATE_RENEWED: 1}
    Phone(world, 1, "next").connect().approve()
    assert world.sale.state == sale_session.CLAIMED


def test_certificate_for_another_key_is_refused(world: World) -> None:
    other = evidence.certificate(world.keys, evidence.seed("another"), EPOCH)
    world.send(wire.CERTIFICATE, wire.Blob(other))
    assert world.counters == {reasons.WRONG_RECEIVER: 1}
    assert world.of(io.Keep) == []


def test_stored_certificate_that_no_longer_holds_does_not_stop_the_receiver(keys: Keys) -> None:
    world = World(keys)
    world.certificate = world.certificate[:-1] + bytes([world.certificate[-1] ^ 1])
    world.identity = world.make_identity(1)
    world.receiver = type(world.receiver)(world.identity)
    world.drain()
    assert world.counters == {reasons.BAD_SIGNATURE: 1}
    assert world.open() == b""
    assert world.sent(wire.OFFER)[-1].reason == reasons.NO_CERTIFICATE


def test_offers_that_this_receiver_may_not_make(world: World) -> None:
    assert world.open(currency=978) == b""
    assert world.sent(wire.OFFER)[-1].reason == reasons.WRONG_CURRENCY
    world.state(seconds=EPOCH + evidence.LIFE_S)
    assert world.open() == b""
    assert world.sent(wire.OFFER)[-1].reason == reasons.CERTIFICATE_EXPIRED
    assert world.sale.state == sale_session.IDLE


def test_the_offer_is_signed_by_the_key_in_the_certificate(world: World) -> None:
    parsed = signed.parse(messages.OFFER, world.open())
    signed.verify(messages.OFFER, parsed, host.ed25519_public(RECEIVER), host)


def test_links_are_left_as_they_were(world: World, phone: Phone) -> None:
    """After a whole sale the phone may stay and is cut when its time is over."""
    world.result()
    world.pass_time(gatt.CHECK_IN_MS)
    assert phone.is_cut()
    states = [one.state for one in world.receiver.air.links]
    assert states == [connection.CLOSED]
