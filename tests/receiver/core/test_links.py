"""Phones at once: the candidate rule, silence, eviction, and connection handles that come again."""

from __future__ import annotations

import pytest

from receiver import reasons
from receiver.core import io, sale_session
from receiver.link import wire
from receiver.protocol import exchange, gatt
from tests.support.machines.receiver import TTL_S, Phone, World


def ready(world: World, *names: str) -> list[Phone]:
    """Phones that have presented their credentials."""
    return [Phone(world, link, name).connect().key().present() for link, name in enumerate(names)]


# One candidate at a time.


def test_the_second_waits_and_is_told_busy_when_the_first_passes(selling: World) -> None:
    first, second = ready(selling, "first", "second")
    selling.lazy = True
    first.sign()
    second.sign()
    assert selling.sale.state == sale_session.CHECKING
    assert (first.refused, second.refused) == ([], [])
    assert [record.link for record in selling.sent(wire.APPROVAL)] == [first.link]
    selling.work()
    assert [record.link for record in selling.sent(wire.APPROVAL)] == [first.link]
    assert second.refused == [exchange.BUSY]
    assert not second.is_cut()


def test_the_second_takes_the_slot_when_the_first_fails(selling: World) -> None:
    first, second = ready(selling, "first", "second")
    selling.lazy = True
    first.sign(amount=1)
    second.sign()
    selling.work()
    assert first.refused == [exchange.REFUSED]
    links = [record.link for record in selling.sent(wire.APPROVAL)]
    assert links == [first.link, second.link]
    assert selling.advert().flags == gatt.FLAG_BUSY


def test_the_last_to_fail_leaves_the_offer_open(world: World) -> None:
    offer = world.open()
    phones = ready(world, "first", "second", "third")
    world.lazy = True
    for phone in phones:
        phone.sign(amount=1)
    world.work()
    assert (world.sale.state, world.shown()) == (sale_session.OPEN, offer)
    assert world.counters == {reasons.WRONG_AMOUNT: 3}


def test_a_waiting_approval_outlives_its_link(selling: World) -> None:
    first, second = ready(selling, "first", "second")
    selling.lazy = True
    first.sign(amount=1)
    second.sign()
    second.vanish()
    selling.work()
    assert selling.sale.state == sale_session.CLAIMED
    assert selling.sent(wire.APPROVAL)[-1].data == second.approval
    told = [record.enc for record in selling.sent(wire.CREDENTIAL)]
    assert told == [first.enc, second.enc, second.enc]  # the bridge forgot it with the link


def test_a_failed_candidate_does_not_take_the_next_phone_along(world: World) -> None:
    """Another phone has come under the same handle while the chip was computing."""
    offer = world.open()
    (gone,) = ready(world, "gone")
    world.lazy = True
    gone.sign(amount=1)
    gone.vanish()
    other = Phone(world, gone.link, "other").connect()
    world.work()
    assert not other.is_cut()
    assert (world.counters, world.shown()) == ({reasons.WRONG_AMOUNT: 1}, offer)
    assert world.advert().flags == gatt.FLAG_OPEN
    world.lazy = False
    other.approve()
    assert world.sale.state == sale_session.CLAIMED


def test_a_phone_that_comes_during_the_check_gets_the_offer(selling: World) -> None:
    (first,) = ready(selling, "first")
    selling.lazy = True
    first.sign(amount=1)
    late = Phone(selling, 1, "late").connect().approve()
    selling.work()
    assert late.refused == []
    assert selling.sent(wire.APPROVAL)[-1].data == late.approval


def test_phones_that_approve_and_vanish_do_not_fill_the_heap(world: World) -> None:
    world.mute = True
    world.open()
    for turn in range(20):
        Phone(world, 0, f"phone {turn}").connect().approve(amount=1).vanish()
    assert len(world.sale.waiting) == sale_session.WAITING_MOST
    assert world.counters[reasons.BUSY] == 20 - 1 - sale_session.WAITING_MOST


# The bridge's verdict.


def test_refusing_verdict_frees_the_slot_and_shows_the_offer_again(world: World) -> None:
    offer = world.open()
    first, second = ready(world, "first", "second")
    first.sign()
    assert second.refused == [exchange.BUSY]
    world.reject(reasons.CREDENTIAL_REVOKED)
    assert first.refused == [exchange.REFUSED]
    assert first.is_cut()
    assert world.phone_events()[-1] == (wire.PHONE_REFUSED, reasons.CREDENTIAL_REVOKED)
    assert (world.counters, world.shown()) == ({reasons.CREDENTIAL_REVOKED: 1}, offer)
    assert world.advert().flags == gatt.FLAG_OPEN
    assert second.offers == 1
    second.approve()
    assert world.sale.state == sale_session.CLAIMED


@pytest.mark.parametrize(
    ("reason", "approval_id", "state", "counted"),
    [
        (reasons.MALFORMED, bytes(16), sale_session.OPEN, reasons.MALFORMED),
        (255, None, sale_session.OPEN, reasons.MALFORMED),
        (
            reasons.SECOND_APPROVAL,
            b"another approval",
            sale_session.CLAIMED,
            reasons.WRONG_SESSION,
        ),
        (reasons.OK, None, sale_session.CLAIMED, reasons.MALFORMED),
    ],
    ids=["could not read it", "a reason from the future", "another approval", "refuses nothing"],
)
def test_verdict(
    selling: World, reason: int, approval_id: bytes | None, state: str, counted: int
) -> None:
    (phone,) = ready(selling, "first")
    phone.sign()
    selling.reject(reason, approval_id)
    assert (selling.sale.state, selling.counters) == (state, {counted: 1})
    assert phone.refused == ([exchange.REFUSED] if state == sale_session.OPEN else [])


def test_verdict_after_the_offers_end(selling: World) -> None:
    selling.pass_time(TTL_S * 1000 - 1)
    ready(selling, "first")[0].sign()
    waiting = Phone(selling, 1).connect()
    selling.pass_time(1)
    selling.reject(reasons.CREDENTIAL_REVOKED)
    assert selling.shown() == b""
    assert waiting.offers == 0
    selling.pass_time(0)
    assert selling.sale.state == sale_session.IDLE


def test_verdict_for_a_phone_that_has_gone(selling: World) -> None:
    (gone,) = ready(selling, "gone")
    gone.sign()
    gone.vanish()
    other = Phone(selling, gone.link, "other").connect()
    selling.reject(reasons.CREDENTIAL_REVOKED)
    assert not other.is_cut()
    assert other.offers == 1
    other.approve()
    assert selling.sale.state == sale_session.CLAIMED


# Silence.


@pytest.mark.parametrize(
    ("steps", "patience"),
    [("", gatt.MTU_MS), ("m", gatt.CHECK_IN_MS), ("om", gatt.KEY_MS), ("mo", gatt.KEY_MS)],
)
def test_silent_phone(world: World, steps: str, patience: int) -> None:
    phone = Phone(world).connect(mtu=None)
    for step in steps:
        if step == "o":
            world.open()
        else:
            world.feed(io.MtuAgreed(phone.link, gatt.MTU))
    world.pass_time(patience - 1)
    assert not phone.is_cut()
    world.pass_time(1)
    assert phone.is_cut()
    assert phone.refused == ([exchange.RETRY] if steps else [])
    assert world.counters == {reasons.LINK_TIMEOUT: 1}


def test_no_link_without_a_key_lives_longer_than_two_minutes(world: World) -> None:
    """New offers begin the time for the key anew, but not for ever."""
    phone = Phone(world).connect()
    for _ in range(gatt.LINK_MS // gatt.KEY_MS * 2 - 1):
        world.open()
        world.pass_time(gatt.KEY_MS // 2)
    assert not phone.is_cut()
    world.open()
    world.pass_time(gatt.KEY_MS // 2)
    assert phone.is_cut()


def test_a_phone_with_a_key_keeps_the_offer_to_its_end_and_a_little_more(world: World) -> None:
    world.open(ttl=120)
    phone = Phone(world).connect().key()
    world.pass_time(120_000 + gatt.GRACE_MS - 1)
    assert not phone.is_cut()
    world.pass_time(1)
    assert phone.is_cut()


# Four links are the most.


def test_the_fourth_link_evicts_the_oldest_without_a_key(selling: World) -> None:
    keyed = Phone(selling, 0, "keyed").connect().key()
    selling.pass_time(1)
    silent = [Phone(selling, link).connect() for link in (1, 2)]
    selling.pass_time(gatt.PLACE_MS)
    silent.append(Phone(selling, 3).connect())
    assert [phone.is_cut() for phone in (keyed, *silent)] == [False, True, False, False]
    assert silent[0].refused == [exchange.BUSY]
    assert selling.counters == {reasons.EVICTED: 1}


def test_an_eviction_waits_until_the_oldest_had_time_to_send_its_key(selling: World) -> None:
    phones = [Phone(selling, link).connect() for link in range(gatt.LINKS_MOST)]
    selling.pass_time(gatt.PLACE_MS - 1)
    assert not any(phone.is_cut() for phone in phones)
    selling.pass_time(1)
    assert [phone.is_cut() for phone in phones] == [True, False, False, False]


def test_four_that_come_together_and_send_their_keys_all_stay(selling: World) -> None:
    phones = [Phone(selling, link, f"phone {link}").connect() for link in range(gatt.LINKS_MOST)]
    selling.pass_time(gatt.PLACE_MS - 1)
    for phone in phones:
        phone.key()
    selling.pass_time(gatt.PLACE_MS)
    assert not any(phone.is_cut() for phone in phones)


def test_phones_that_come_and_go_drive_out_no_reader(selling: World) -> None:
    """Three come without a key, go and come again, ten times a second. Who came first pays."""
    phone = Phone(selling).connect()
    for _ in range(gatt.PLACE_MS // 100 - 1):
        comers = [Phone(selling, link).connect() for link in (1, 2, 3)]
        selling.pass_time(100)
        for comer in comers:
            comer.vanish()
    phone.approve()
    assert selling.sale.state == sale_session.CLAIMED
    assert selling.counters.get(reasons.EVICTED, 0) == 0


def test_a_fourth_link_among_phones_with_keys_may_pay(selling: World) -> None:
    """Three that hold their places and do nothing must not keep the next one out."""
    ready(selling, "first", "second", "third")
    fourth = Phone(selling, 3, "fourth").connect()
    fourth.approve()
    assert selling.sale.state == sale_session.CLAIMED
    assert fourth.refused == []
    assert selling.counters.get(reasons.EVICTED, 0) == 0


def test_no_second_eviction_while_one_is_on_its_way(selling: World) -> None:
    first, second, third = (Phone(selling, link).connect() for link in range(3))
    first.raw(b"?")
    Phone(selling, 3).connect()
    assert not second.is_cut()
    assert not third.is_cut()


def test_advertising_goes_on_after_every_connection_but_the_fourth(selling: World) -> None:
    for link in range(gatt.LINKS_MOST):
        before = len(selling.of(io.Advertise))
        Phone(selling, link).connect()
        last = link == gatt.LINKS_MOST - 1
        assert len(selling.of(io.Advertise)) == before + (0 if last else 1)
    before = len(selling.of(io.Advertise))
    selling.feed(io.Disconnected(0))
    assert len(selling.of(io.Advertise)) == before + 1


def test_a_fifth_phone_pays_while_four_are_silent(selling: World) -> None:
    """The radio has four links: the fifth connects as soon as the evicted one is gone."""
    silent = [Phone(selling, link).connect() for link in range(gatt.LINKS_MOST)]
    selling.pass_time(gatt.PLACE_MS)
    (evicted,) = [phone for phone in silent if phone.is_cut()]
    evicted.vanish()
    fifth = Phone(selling, evicted.link, "fifth").connect()
    fifth.approve()
    assert selling.sale.state == sale_session.CLAIMED
    assert fifth.refused == []


# Handles come again.


def test_nothing_meant_for_a_phone_reaches_the_next_under_its_handle(selling: World) -> None:
    Phone(selling).connect()
    selling.receiver.handle(io.Written(0, b"?"), selling.now)
    selling.receiver.handle(io.Disconnected(0), selling.now)
    selling.receiver.handle(io.Connected(0), selling.now)
    before = len(selling.outputs)
    selling.drain()
    assert not [item for item in selling.outputs[before:] if getattr(item, "link", None) == 0]


def test_a_lost_disconnection_is_made_good_by_the_next_connection(selling: World) -> None:
    Phone(selling).connect().key()
    again = Phone(selling).connect()
    gone, near = (wire.PHONE_GONE, reasons.OK), (wire.PHONE_NEAR, reasons.OK)
    assert selling.phone_events()[-2:] == [gone, near]
    again.approve()
    assert selling.sale.state == sale_session.CLAIMED


def test_events_of_unknown_links(world: World) -> None:
    before = len(world.outputs)
    for event in (io.MtuAgreed(3, 247), io.Written(3, b"\x02")):
        world.feed(event)
    assert world.outputs[before:] == []


def test_a_connection_that_failed_has_ended_the_advertising(world: World) -> None:
    """The stack names a link that was never there: all that tells of it."""
    before = len(world.outputs)
    world.feed(io.Disconnected(3))
    assert [type(output) for output in world.outputs[before:]] == [io.Advertise]
