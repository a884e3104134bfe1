"""The chances of one room: collisions, Wi-Fi, distance, body. Seeded, and cheap to ask."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import NamedTuple

from receiver.protocol import gatt

from .airs import AirProfile
from .standard import (
    ADVERT_DELAY_S,
    ADVERT_SIZE,
    ADVERT_US,
    CHANNELS,
    CONNECT_SIZE,
    CONNECT_US,
    checked_bits,
)

# dBm at which one bit in a thousand is wrong, and so 30.8 % of the longest legacy packets (Vol 6
# Part A 4.1): -94 to -99 in data sheets (BGM13S -94.1, nRF52 -96, Microchip's -99).
SENSITIVITY = -95.0
# dB by which the wanted signal must be stronger: 9 to 13 in data sheets (BGM13S, Microchip's), 21
# at most (Vol 6 Part A 4.2, co-channel).
CAPTURE_DB = 10.0
# Share of time in which a phone near scans: SCAN_MODE_LOW_POWER, 140 of 1400 ms (AOSP ScanUtil.kt).
# Those whose owners use our app are phones of their own.
NEAR_SCANS = 0.1
_SLOPE = math.log(0.5 / 0.001)  # of non-coherent FSK: half of exp(-signal to noise)
_CLEAR_DB = 6.0  # above the sensitivity not one packet in a million is lost


class Crowd(NamedTuple):
    """Advertisers of one kind."""

    number: float
    every_us: float  # mean between two advertising events of each
    rssi: float

    def overlaps(self, length_us: float) -> float:
        """Return the chance that a packet meets one of theirs on its channel: ALOHA's."""
        share = (length_us + ADVERT_US) / self.every_us
        return 1 - math.pow(1 - share, self.number)


class Scanners(NamedTuple):
    """Phones near, which ask every advertiser that they hear for its scan response."""

    number: int
    rssi: float

    def overlaps(self, _length_us: float) -> float:
        """Return the chance that one asks in the moment of a request of ours, on its channel."""
        return 1 - math.pow(1 - NEAR_SCANS / CHANNELS, self.number)


class Bursts:
    """Times of Wi-Fi bursts: the same for a seed, whatever is asked in which order."""

    def __init__(self, every_s: float, length_s: float, random: Random) -> None:
        self._means = (every_s, length_s)
        self._random = random
        self._turns = [random.expovariate(1 / every_s)]  # begin, end, begin, …

    def on(self, at_s: float) -> bool:
        """Return whether a burst is on at a time."""
        turns = self._turns
        while turns[-1] <= at_s:
            mean = self._means[len(turns) % 2 == 1]
            turns.append(turns[-1] + self._random.expovariate(1 / mean))
        return bisect_right(turns, at_s) % 2 == 1


class Collisions:
    """Chances that packets of one length meet others on an advertising channel.

    `waited` tells a packet that its receiver waits for at a known time.
    """

    def __init__(
        self, crowds: Sequence[Crowd | Scanners], length_us: float, *, waited: bool
    ) -> None:
        self.chances = [crowd.overlaps(length_us) for crowd in crowds]
        self.chance = 1 - math.prod(1 - chance for chance in self.chances)
        # A receiver that listens all the time and has locked on a packet follows it to its end: a
        # stronger one that begins second is lost. This is the share of those that begin first.
        self.decided = 1.0 if waited else length_us / (length_us + ADVERT_US)
        self._strengths = [crowd.rssi for crowd in crowds]

    def rival(self, random: Random) -> float:
        """Draw the mean strength of the other packet (dBm)."""
        return random.choices(self._strengths, self.chances)[0]


class Channel:
    """One room of one seed. Each kind of question has a stream of random numbers of its own."""

    def __init__(self, air: AirProfile, seed: int) -> None:
        self.air = air
        self.bursts = Bursts(air.burst_every_s, air.burst_s, Random(f"{seed}/bursts"))
        self._adverts = Random(f"{seed}/adverts")
        self._requests = Random(f"{seed}/requests")
        self._data = Random(f"{seed}/data")
        self._readings = Random(f"{seed}/readings")
        self._places = Random(f"{seed}/places")
        present = crowds(air)
        self._advert_collisions = Collisions(present, ADVERT_US, waited=False)
        near = Scanners(air.phones_near, air.neighbour_rssi)
        self._request_collisions = Collisions([*present, near], CONNECT_US, waited=True)

    # Strength

    def held(self) -> float:
        """Draw the mean of a phone that is held to its receiver (dBm), hand and body included."""
        air, random = self.air, self._places
        return air.held_rssi - random.uniform(0, air.body_db) + random.gauss(0, air.shadow_db)

    def neighbour(self) -> float:
        """Draw the mean of a neighbour's receiver at the phone (dBm)."""
        return self.air.neighbour_rssi + self._places.gauss(0, self.air.shadow_db)

    def rssi(self, mean: float) -> float:
        """Draw one reading at a place."""
        return mean + self._readings.gauss(0, self.air.fading_db)

    # Loss

    def advert_lost(self, at_s: float, rssi: float) -> bool:
        """Return whether one ADV_IND or SCAN_RSP, on the channel listened to, is lost."""
        random = self._adverts
        collides = self._collides(self._advert_collisions, random, rssi)
        return self._fades(random, at_s, rssi, ADVERT_SIZE) or collides

    def request_lost(self, at_s: float, rssi: float) -> bool:
        """Return whether one CONNECT_IND or SCAN_REQ is lost at the receiver."""
        random = self._requests
        collides = self._collides(self._request_collisions, random, rssi)
        return self._fades(random, at_s, rssi, CONNECT_SIZE) or collides

    def data_lost(self, at_s: float, rssi: float, size: int) -> bool:
        """Return whether one packet of a link is lost; `size` is its payload in bytes."""
        return self._fades(self._data, at_s, rssi, size)

    def _fades(self, random: Random, at_s: float, rssi: float, size: int) -> bool:
        kept = 1 - self.air.floor_loss
        if self.bursts.on(at_s):
            kept *= 1 - self.air.burst_loss
        if rssi < SENSITIVITY + _CLEAR_DB:
            kept *= 1 - packet_error(round(rssi), size)
        return random.random() >= kept

    def _collides(self, collisions: Collisions, random: Random, rssi: float) -> bool:
        """Return whether another packet spoils this one."""
        if random.random() >= collisions.chance:
            return False
        if random.random() >= collisions.decided:
            return True
        strength = random.gauss(collisions.rival(random), self.air.shadow_db)
        return rssi - strength < CAPTURE_DB


def crowds(air: AirProfile) -> list[Crowd]:
    """Return who else advertises in a room: neighbours with a sale, without one, and others."""
    delay_us = ADVERT_DELAY_S / 2 * 1_000_000
    open_ = air.neighbours * air.neighbours_open
    present = [
        Crowd(open_, gatt.ADVERTISE_OPEN_US + delay_us, air.neighbour_rssi),
        Crowd(air.neighbours - open_, gatt.ADVERTISE_IDLE_US + delay_us, air.neighbour_rssi),
        Crowd(air.advertisers, air.advertiser_interval_ms * 1000 + delay_us, air.advertiser_rssi),
    ]
    return [crowd for crowd in present if crowd.number]


@lru_cache(maxsize=4096)
def packet_error(rssi: int, size: int) -> float:
    """Return the share of packets with `size` bytes that noise spoils at so many dBm."""
    wrong = 0.5 * math.exp(-_SLOPE * 10 ** ((rssi - SENSITIVITY) / 10))
    return 1 - (1 - wrong) ** checked_bits(size)
