"""Airs, phones and the chip: what has to hold between their values."""

from __future__ import annotations

import pytest

from receiver.protocol import gatt
from simulator.hardware.radio.model.airs import AIRS, AirProfile
from simulator.hardware.radio.model.channel import Channel
from simulator.hardware.radio.model.chip import CHIP
from simulator.hardware.radio.model.listening import Listening, ScanStarts
from simulator.hardware.radio.model.phones import PHONES, PhoneProfile
from simulator.hardware.radio.model.standard import ADVERT_US, CHANNELS, CONNECT_US

phones = pytest.mark.parametrize("phone", PHONES.values(), ids=lambda phone: phone.name)


def test_names_are_those_of_the_tables() -> None:
    assert {name: air.name for name, air in AIRS.items()} == {name: name for name in AIRS}
    assert list(AIRS) == ["quiet", "shop", "bad"]
    assert {name: phone.name for name, phone in PHONES.items()} == {name: name for name in PHONES}
    assert list(PHONES) == ["ios", "android-fast", "android-balanced", "android-old"]


@pytest.mark.parametrize("better", [("quiet", "shop"), ("shop", "bad")], ids="-".join)
def test_each_air_is_worse_than_the_one_before(better: tuple[str, str]) -> None:
    good, worse = (AIRS[name] for name in better)

    def crowd(air: AirProfile) -> tuple[float, ...]:
        return (air.neighbours, air.phones_near, air.advertisers, air.away_share, air.cut_share)

    assert all(one < other for one, other in zip(crowd(good), crowd(worse), strict=True))
    assert good.held_rssi > worse.held_rssi
    assert good.burst_s / good.burst_every_s < worse.burst_s / worse.burst_every_s


def test_the_bad_air_is_the_one_that_is_promised() -> None:
    bad = AIRS["bad"]
    assert (bad.neighbours, bad.phones_near, bad.advertisers) == (3, 4, 20)
    in_burst = bad.burst_s / (bad.burst_s + bad.burst_every_s)
    assert in_burst * bad.burst_loss + bad.floor_loss == pytest.approx(0.02, abs=0.001)
    assert bad.away_s == 1.0


@phones
def test_a_phone_keeps_the_standard(phone: PhoneProfile) -> None:
    assert 0 < phone.scan_window_ms <= phone.scan_interval_ms
    assert 0 < phone.initiate_window_ms <= phone.initiate_interval_ms
    for interval_ms in (phone.interval_ms, phone.asked_interval_ms):
        assert interval_ms >= 7.5
        assert (interval_ms / 1.25).is_integer()
    assert phone.asked_interval_ms <= phone.interval_ms
    assert phone.supervision_ms > 2 * phone.interval_ms
    assert phone.mtu >= gatt.MTU_LEAST
    assert phone.setup_failure + phone.setup_hang < 1


def test_the_chip_counts_in_its_own_words() -> None:
    assert CHIP.ms(CHIP.instructions_per_ms) == 1
    assert 40 < CHIP.ms(CHIP.p256_check) < 80
    assert CHIP.turn < CHIP.event < CHIP.collection < CHIP.slice_most < CHIP.turn_most


def test_packets_take_the_standard_s_time() -> None:
    assert (ADVERT_US, CONNECT_US) == (376, 352)


def test_a_scan_goes_through_the_channels() -> None:
    scan = Listening(since_s=1.0, interval_s=0.04, window_s=0.03, first=2)
    assert [scan.channel(1.001 + number * 0.04) for number in range(4)] == [2, 0, 1, 2]
    assert scan.channel(1.031) is None
    assert [scan.channel(1.038 + number * 0.04) for number in range(3)] == [None] * 3


@phones
def test_a_scan_listens_for_its_share(phone: PhoneProfile) -> None:
    for listening, share in (
        (Listening.scan(phone, 0.0, 0), phone.scan_window_ms / phone.scan_interval_ms),
        (Listening.initiate(phone, 0.0, 0), phone.initiate_window_ms / phone.initiate_interval_ms),
    ):
        step_s = listening.interval_s * CHANNELS / 10_000
        heard = [listening.channel(number * step_s) for number in range(10_000)]
        assert sum(one is not None for one in heard) / 10_000 == pytest.approx(share, abs=0.001)
        assert {one for one in heard if one is not None} == {0, 1, 2}


def test_a_sixth_start_hears_nothing_until_the_first_is_old() -> None:
    starts = ScanStarts(PHONES["android-fast"])
    assert all(starts.allowed(float(at)) for at in range(5))
    assert not starts.allowed(5.0)
    assert not starts.allowed(29.9)
    assert starts.allowed(30.0)
    assert not starts.allowed(30.5)
    assert starts.allowed(31.0)


def test_phones_of_apple_may_start_as_often_as_they_like() -> None:
    starts = ScanStarts(PHONES["ios"])
    assert all(starts.allowed(at / 10) for at in range(100))


@pytest.mark.parametrize(("name", "least"), [("quiet", 1.0), ("shop", 0.999), ("bad", 0.96)])
def test_a_phone_held_is_stronger_than_a_neighbour(name: str, least: float) -> None:
    """The signal alone tells the till in most holds, but not in all."""
    channel = Channel(AIRS[name], 1)
    assert sum(channel.held() > channel.neighbour() for _ in range(4000)) / 4000 >= least
