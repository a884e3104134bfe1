"""The bridge hears which phones are near: once each, with or without a sale, in no flood."""

from __future__ import annotations

import pytest

from receiver import reasons
from receiver.core import io
from receiver.core.presence import NEAR_AGAIN_MS
from receiver.link import wire
from receiver.protocol import gatt
from tests.support.machines.receiver import Phone, World

NEAR, GONE = (wire.PHONE_NEAR, reasons.OK), (wire.PHONE_GONE, reasons.OK)
SHOWN = (wire.PHONE_SHOWN, reasons.OK)


def test_a_phone_is_near_before_any_sale(world: World) -> None:
    phone = Phone(world).connect()
    assert world.phone_events() == [NEAR]
    phone.vanish()
    assert world.phone_events() == [NEAR, GONE]


def test_a_report_is_one_short_frame(selling: World) -> None:
    Phone(selling).connect()
    (report,) = [item for item in selling.of(io.Send) if item.channel == wire.PHONE]
    assert len(report.payload) <= 10


def test_an_offer_and_its_end_report_no_phone_anew(world: World) -> None:
    Phone(world).connect()
    world.open()
    world.cancel()
    world.open()
    assert world.phone_events() == [NEAR]


@pytest.mark.parametrize("mtu", [None, gatt.MTU_LEAST - 1])
def test_a_link_cut_before_its_mtu_is_never_near(world: World, mtu: int | None) -> None:
    Phone(world).connect(mtu).vanish()
    assert {NEAR, GONE}.isdisjoint(world.phone_events())
    assert reasons.CROWDED not in world.counters


def test_a_phone_that_left_or_was_refused_is_not_gone_as_well(selling: World) -> None:
    leaving = Phone(selling, 0, "leaving").connect()
    leaving.leave()
    leaving.vanish()
    late = Phone(selling, 1, "late").connect()
    selling.pass_time(gatt.KEY_MS)
    late.vanish()
    events = [event for event, _ in selling.phone_events()]
    near, left, refused = wire.PHONE_NEAR, wire.PHONE_LEFT, wire.PHONE_REFUSED
    assert events == [near, left, near, refused]


def test_the_end_of_a_phone_that_has_its_answer_is_told(selling: World) -> None:
    phone = Phone(selling).connect().approve()
    selling.result()
    phone.vanish()
    assert selling.phone_events() == [NEAR, SHOWN, GONE]


def test_a_new_bridge_hears_who_is_here_and_what_they_do(selling: World) -> None:
    Phone(selling, 0, "near").connect()
    Phone(selling, 1, "keyed").connect().key()
    before = len(selling.sent(wire.PHONE))
    selling.connect_bridge()
    heard = [(phone.link, phone.event) for phone in selling.sent(wire.PHONE)[before:]]
    assert heard == [(0, wire.PHONE_NEAR), (1, wire.PHONE_SHOWN)]


def test_a_new_phone_under_the_handle_of_a_refused_candidate_stays_known(world: World) -> None:
    world.open()
    gone = Phone(world, 0, "gone").connect().key().present()
    world.lazy = True
    gone.sign(amount=1)
    gone.vanish()
    Phone(world, 0, "other").connect()
    world.work()
    world.pass_time(NEAR_AGAIN_MS)
    assert world.phone_events()[-2:] == [(wire.PHONE_REFUSED, reasons.WRONG_AMOUNT), NEAR]


# A flood.


def test_phones_that_come_and_go_do_not_fill_the_line(world: World) -> None:
    seconds, each_ms = 60, 50
    for _ in range(seconds * 1000 // each_ms):
        Phone(world).connect().vanish()
        world.pass_time(each_ms)
    told = world.phone_events()
    assert told.count(NEAR) <= gatt.LINKS_MOST + seconds
    assert told.count(GONE) == told.count(NEAR)
    assert world.counters[reasons.CROWDED] == seconds * 1000 // each_ms - told.count(NEAR)


def test_a_phone_that_stays_is_told_as_soon_as_the_rate_allows(world: World) -> None:
    for _ in range(gatt.LINKS_MOST):
        Phone(world).connect().vanish()
    Phone(world).connect()
    assert world.phone_events()[-1] == GONE
    world.pass_time(NEAR_AGAIN_MS - 1)
    assert world.phone_events()[-1] == GONE
    world.pass_time(1)
    assert world.phone_events()[-1] == NEAR


def test_a_phone_that_waits_to_be_told_is_known_by_its_key(selling: World) -> None:
    for _ in range(gatt.LINKS_MOST):
        Phone(selling).connect().vanish()
    Phone(selling).connect().approve()
    assert selling.phone_events()[-1] == SHOWN
    selling.pass_time(2 * NEAR_AGAIN_MS)
    assert selling.phone_events()[-1] == SHOWN


# A lost link.


def test_a_phone_that_resumes_is_known_by_its_new_link(selling: World) -> None:
    phone = Phone(selling, 0).connect().key()
    phone.vanish()
    assert selling.phone_events()[-1] == GONE
    phone.come_back(1)
    heard = [(told.link, told.event) for told in selling.sent(wire.PHONE)]
    assert heard[-2:] == [(1, wire.PHONE_NEAR), (1, wire.PHONE_SHOWN)]


def test_a_phone_that_resumes_before_its_loss_is_noticed_is_there_once(selling: World) -> None:
    phone = Phone(selling, 0).connect().key()
    phone.come_back(1)
    selling.feed(io.Disconnected(0))
    heard = [(told.link, told.event) for told in selling.sent(wire.PHONE)]
    assert heard[2:] == [(1, wire.PHONE_NEAR), (0, wire.PHONE_GONE), (1, wire.PHONE_SHOWN)]
