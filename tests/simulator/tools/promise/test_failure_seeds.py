"""Purchases that failed when they were first measured, each with what mended it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import pytest

from simulator.tools.promise.record import Record
from simulator.tools.promise.scene import run_scene

pytestmark = pytest.mark.random

PURCHASES = 50  # of each scene, as it was measured


class Seed(NamedTuple):
    """One purchase, and what it failed of."""

    air: str
    profile: str
    seed: int
    number: int
    failed_of: str

    @property
    def name(self) -> str:
        return f"{self.air}-{self.profile}-{self.seed}-{self.number}"


# What mended each stands in docs/promise.md ("What made it hold") under these words.
WRONG_FROM_THE_QUEUE = "a phone two metres away took a neighbour's idle till"
STAYED = "checked in at a neighbour's till, and held to its own"
FAR_AND_ALONE = "the one till heard was far, the own one missed"
NO_NUMBER = "the own till's number was not heard when the buyer was asked"
WITHDRAWN = "an offer that was withdrawn meanwhile was read as malformed"
ANSWERED_FROM_AFAR = "asked in the queue, and a neighbour's mean rose to be clear before the answer"
IDLE_AND_WRONG = "checked in at a neighbour's till by its signal, with no way to leave it"
NUMBER_LOST = "the same, and the till's number was sought in its scan response alone"

SEEDS = [
    Seed("shop", "ios", 0, 11, WRONG_FROM_THE_QUEUE),
    Seed("shop", "ios", 1, 45, STAYED),
    Seed("bad", "ios", 0, 9, NO_NUMBER),
    Seed("bad", "ios", 1, 40, WRONG_FROM_THE_QUEUE),
    Seed("bad", "ios", 2, 1, FAR_AND_ALONE),
    Seed("bad", "ios", 2, 2, WRONG_FROM_THE_QUEUE),
    Seed("bad", "ios", 3, 22, WRONG_FROM_THE_QUEUE),
    Seed("bad", "ios", 3, 23, WRONG_FROM_THE_QUEUE),
    Seed("bad", "ios", 3, 30, STAYED),
    Seed("bad", "android-balanced", 0, 49, WITHDRAWN),
    Seed("bad", "android-balanced", 2, 1, FAR_AND_ALONE),
    Seed("bad", "android-balanced", 20261124, 48, ANSWERED_FROM_AFAR),
    Seed("bad", "ios", 20261126, 14, IDLE_AND_WRONG),
    Seed("bad", "android-fast", 20261122, 14, NUMBER_LOST),
]


@lru_cache
def scene(air: str, profile: str, seed: int) -> list[Record]:
    """Play one, once for all of its purchases."""
    return run_scene(air, profile, seed, PURCHASES)


@pytest.mark.parametrize("which", SEEDS, ids=lambda which: which.name)
def test_a_purchase_that_failed(which: Seed) -> None:
    record = scene(which.air, which.profile, which.seed)[which.number]
    assert record.succeeded, which.failed_of
    assert not record.wrong_till, which.failed_of
    assert not record.typed_twice
