"""The chances of a room come out as its parameters say."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from random import Random
from statistics import fmean, pstdev

import pytest

from receiver.protocol import gatt
from simulator.hardware.radio.model.airs import AIRS, AirProfile
from simulator.hardware.radio.model.channel import (
    NEAR_SCANS,
    SENSITIVITY,
    Bursts,
    Channel,
    crowds,
    packet_error,
)
from simulator.hardware.radio.model.standard import (
    ADVERT_SIZE,
    ADVERT_US,
    CONNECT_US,
    EXTENDED_DATA,
)

CALM = AIRS["quiet"]._replace(
    advertisers=0, burst_loss=0.0, floor_loss=0.0, shadow_db=0.0, fading_db=0.0, body_db=0.0
)
NEAR = -40.0
ASKED = 40_000


def share(question: Callable[[float], bool], asked: int = ASKED, step_s: float = 0.01) -> float:
    return fmean(question(number * step_s) for number in range(asked))


def close(expected: float, asked: int = ASKED) -> object:
    """Five deviations of a mean of so many."""
    return pytest.approx(expected, abs=5 * math.sqrt(expected * (1 - expected) / asked) + 1e-9)


def test_a_calm_room_loses_nothing() -> None:
    channel = Channel(CALM, 1)
    assert share(lambda at: channel.advert_lost(at, NEAR)) == 0
    assert share(lambda at: channel.request_lost(at, NEAR)) == 0
    assert share(lambda at: channel.data_lost(at, NEAR, EXTENDED_DATA)) == 0


def test_the_floor_is_lost_everywhere() -> None:
    channel = Channel(CALM._replace(floor_loss=0.03), 1)
    assert share(lambda at: channel.data_lost(at, NEAR, 27)) == close(0.03)
    assert share(lambda at: channel.advert_lost(at, NEAR)) == close(0.03)


def test_the_bad_room_loses_two_packets_in_a_hundred() -> None:
    """A burst lasts for several packets, so that the mean needs many bursts."""
    channel = Channel(AIRS["bad"], 7)
    lost = share(lambda at: channel.data_lost(at, NEAR, 27), asked=200_000, step_s=0.1)
    assert lost == pytest.approx(0.02, abs=0.002)


@pytest.mark.parametrize("air", AIRS.values(), ids=lambda air: air.name)
def test_bursts_take_their_share_of_time(air: AirProfile) -> None:
    bursts = Bursts(air.burst_every_s, air.burst_s, Random("time"))
    on = fmean(bursts.on(number * 0.01) for number in range(1_000_000))
    expected = air.burst_s / (air.burst_s + air.burst_every_s)
    assert on == pytest.approx(expected, rel=0.15)


def test_bursts_do_not_depend_on_what_is_asked() -> None:
    times = [number * 0.003 for number in range(20_000)]
    forward = Channel(AIRS["bad"], 3)
    expected = {at: forward.bursts.on(at) for at in times}
    backward = Channel(AIRS["bad"], 3)
    for at in reversed(times):
        backward.data_lost(at, NEAR, 27)
        backward.advert_lost(at / 2, NEAR)
        assert backward.bursts.on(at) == expected[at]
    assert 0 < sum(expected.values()) < len(times)


def test_losses_come_in_bursts() -> None:
    """What follows a lost packet within a millisecond is lost far more often than the mean."""
    channel = Channel(AIRS["bad"], 5)
    lost = [channel.data_lost(number * 0.001, NEAR, 27) for number in range(400_000)]
    after = [second for first, second in pairwise(lost) if first]
    assert fmean(after) > 0.4
    assert fmean(lost) < 0.03


def test_one_seed_is_one_room() -> None:
    def heard(seed: int) -> list[bool]:
        channel = Channel(AIRS["bad"], seed)
        return [channel.advert_lost(number * 0.01, -60) for number in range(500)]

    assert heard(1) == heard(1)
    assert heard(1) != heard(2)


def test_questions_of_one_kind_do_not_change_those_of_another() -> None:
    alone, asked = Channel(AIRS["bad"], 9), Channel(AIRS["bad"], 9)
    expected = [alone.data_lost(number * 0.01, NEAR, 27) for number in range(500)]
    for number, lost in enumerate(expected):
        at = number * 0.01
        asked.advert_lost(at, asked.rssi(asked.held()))
        asked.request_lost(at, asked.neighbour())
        assert asked.data_lost(at, NEAR, 27) == lost


def test_collisions_are_those_of_aloha() -> None:
    """Equally strong senders: every overlap on the channel spoils the packet."""
    air = CALM._replace(advertisers=20, advertiser_interval_ms=100, advertiser_rssi=-40)
    channel = Channel(air, 1)
    apart = 1 - 2 * ADVERT_US / 105_000  # interval and the mean of the random delay
    assert share(lambda at: channel.advert_lost(at, NEAR)) == close(1 - apart**20)


def test_a_stronger_packet_survives_if_it_began_first() -> None:
    air = CALM._replace(advertisers=20, advertiser_interval_ms=20, advertiser_rssi=-80)
    channel = Channel(air, 1)
    met = 1 - (1 - 2 * ADVERT_US / 25_000) ** 20
    assert share(lambda at: channel.advert_lost(at, NEAR)) == close(met / 2)


def test_a_request_that_is_waited_for_survives_if_it_is_stronger() -> None:
    """The advertiser's window opens for it: no other packet has been locked on."""
    air = CALM._replace(advertisers=20, advertiser_interval_ms=20, advertiser_rssi=-80)
    stronger = Channel(air, 1)
    assert share(lambda at: stronger.request_lost(at, NEAR)) == 0
    channel = Channel(air._replace(advertiser_rssi=-40), 1)
    met = 1 - (1 - (CONNECT_US + ADVERT_US) / 25_000) ** 20
    assert share(lambda at: channel.request_lost(at, NEAR)) == close(met)


def test_phones_near_ask_at_the_same_moment() -> None:
    """Only a strong one does harm, and only to a request."""
    air = CALM._replace(phones_near=4, neighbour_rssi=-40)
    channel, weak = Channel(air, 1), Channel(air._replace(neighbour_rssi=-61), 1)
    assert share(lambda at: channel.request_lost(at, NEAR)) == close(1 - (1 - NEAR_SCANS / 3) ** 4)
    assert share(lambda at: channel.advert_lost(at, NEAR)) == 0
    assert share(lambda at: weak.request_lost(at, NEAR)) == 0


def test_neighbours_with_a_sale_collide_more() -> None:
    idle = crowds(CALM._replace(neighbours=3, neighbours_open=0.0))
    busy = crowds(CALM._replace(neighbours=3, neighbours_open=1.0))
    assert [crowd.every_us for crowd in idle] == [gatt.ADVERTISE_IDLE_US + 5000]
    assert [crowd.every_us for crowd in busy] == [gatt.ADVERTISE_OPEN_US + 5000]
    assert busy[0].overlaps(ADVERT_US) > idle[0].overlaps(ADVERT_US)


def test_the_standard_s_share_is_lost_at_the_sensitivity() -> None:
    """Vol 6 Part A 4.1: a bit in a thousand is 30.8 % of the longest legacy packets."""
    assert packet_error(round(SENSITIVITY), ADVERT_SIZE) == pytest.approx(0.308, abs=0.001)
    channel = Channel(CALM, 1)
    assert share(lambda at: channel.advert_lost(at, SENSITIVITY)) == close(0.308)


def test_weak_and_long_packets_are_lost_first() -> None:
    sizes = [packet_error(-93, size) for size in (0, 27, 100, EXTENDED_DATA)]
    strengths = [packet_error(rssi, 27) for rssi in (-85, -90, -93, -95, -98, -105)]
    assert sizes == sorted(sizes)
    assert strengths == sorted(strengths)
    assert strengths[0] < 1e-6
    assert strengths[-1] > 0.999


def test_readings_spread_around_their_place() -> None:
    channel = Channel(CALM._replace(fading_db=3.0), 1)
    readings = [channel.rssi(-60) for _ in range(ASKED)]
    assert fmean(readings) == pytest.approx(-60, abs=0.1)
    assert pstdev(readings) == pytest.approx(3, abs=0.1)


def test_hand_and_body_weaken_a_held_phone() -> None:
    channel = Channel(CALM._replace(body_db=10.0), 1)
    means = [channel.held() for _ in range(ASKED)]
    assert max(means) <= CALM.held_rssi
    assert min(means) >= CALM.held_rssi - 10
    assert fmean(means) == pytest.approx(CALM.held_rssi - 5, abs=0.1)


def test_a_neighbour_is_drawn_around_its_strength() -> None:
    channel = Channel(CALM._replace(shadow_db=4.0, neighbour_rssi=-60), 1)
    means = [channel.neighbour() for _ in range(ASKED)]
    assert fmean(means) == pytest.approx(-60, abs=0.1)
    assert pstdev(means) == pytest.approx(4, abs=0.1)
