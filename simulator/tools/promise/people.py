"""People at a till: when they come, how long they read and type, what they do by chance.

Times in seconds. Where no measurement is named, a value is an estimate.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from simulator.hardware.radio.model.airs import AirProfile

CHECKED_IN = 0.4  # share of buyers whose app is open before the amount is known
EARLIER = (2.0, 15.0)  # s: so much earlier, at any moment between
UNLOCK = (4.0, 0.4)  # s: take the phone out, unlock, open the app: median and log-deviation
# s: an amount, a store and two digits. Reading aloud takes 0.3 s a word; ten words.
READ = (2.5, 0.4)
DIGIT = (0.28, 0.25)  # s for each of six digits on a keypad of a phone (field studies: 0.2 to 0.4)
HESITATES = 0.08  # share of buyers who look up from the code
HESITATION = (2.0, 10.0)  # s
FIRST_VISIT = 0.5  # share of buyers whose phone has never met this till's receiver
FAMILY = 0.03  # share of purchases with a second phone of the family, its app open too
QUEUE_EACH = 0.12  # share of buyers who open their app behind another's purchase, by phones near
QUEUE_DB = 24.0  # dB less in the queue: two metres instead of twenty centimetres
BETWEEN = (20.0, 0.6)  # s from one purchase to the next ring at a till: median, log-deviation
# s after the offer is on the screen in which a phone may be moved away or its link be cut.
DISTURBED = 6.0


class BuyersPlan(NamedTuple):
    """One buyer's purchase, decided before it begins."""

    checked_in: bool
    early_s: float  # the app is open so long before the ring; less than 0: after it
    queued: bool  # it is opened while the purchase before is still made
    read_s: float
    digits_s: tuple[float, ...]  # before each digit
    first_visit: bool
    family: bool
    rssi: float  # of the till's receiver, the phone being held to it, dBm
    queue_rssi: float  # before it is this buyer's turn
    neighbour_rssi: tuple[float, ...]
    away_after_s: float | None  # from the offer on the screen until the phone is moved away
    cut_after_s: float | None  # from the offer on the screen until the link is lost at once
    pause_s: float  # until the next ring at this till

    @property
    def typed_s(self) -> float:
        return sum(self.digits_s)


def plan(chance: random.Random, air: AirProfile) -> BuyersPlan:
    """Draw one."""
    checked_in = chance.random() < CHECKED_IN
    queued = checked_in and chance.random() < min(0.6, QUEUE_EACH * air.phones_near)
    early = chance.uniform(*EARLIER) if checked_in else -_about(chance, UNLOCK)
    digits = [_about(chance, DIGIT) for _ in range(6)]
    if chance.random() < HESITATES:
        digits[chance.randrange(6)] += chance.uniform(*HESITATION)
    rssi = air.held_rssi - chance.random() * air.body_db + chance.gauss(0.0, air.shadow_db)
    beside = [
        air.neighbour_rssi - 6.0 * place + chance.gauss(0.0, air.shadow_db)
        for place in range(air.neighbours)
    ]
    return BuyersPlan(
        checked_in=checked_in,
        early_s=early,
        queued=queued,
        read_s=_about(chance, READ),
        digits_s=tuple(digits),
        first_visit=chance.random() < FIRST_VISIT,
        family=chance.random() < FAMILY,
        rssi=rssi,
        queue_rssi=rssi - QUEUE_DB,
        neighbour_rssi=tuple(beside),
        away_after_s=_by_chance(chance, air.away_share),
        cut_after_s=_by_chance(chance, air.cut_share),
        pause_s=_about(chance, BETWEEN),
    )


def _about(chance: random.Random, median_and_deviation: tuple[float, float]) -> float:
    median, deviation = median_and_deviation
    return median * chance.lognormvariate(0.0, deviation)


def _by_chance(chance: random.Random, share: float) -> float | None:
    happens, when = chance.random() < share, chance.random() * DISTURBED
    return when if happens else None
