"""Purchases whose times are made up: for what judges, stores and draws them."""

from __future__ import annotations

import random

import msgspec

from simulator.tools.promise.jobs import SceneJob
from simulator.tools.promise.record import NOT_PAID, PAID, PHONE, Bound, Mark, Outcomes, Record

ALL_PAID = Outcomes(PAID, PAID, PAID)
NONE_PAID = Outcomes(NOT_PAID, NOT_PAID, NOT_PAID)
PROFILES = ("ios", "android-fast", "android-balanced", "android-old")
AIRS = ("quiet", "shop", "bad")


def bought(**changes: object) -> Record:
    """Return a purchase of 8 s in which nothing went wrong, but for these changes."""
    times = {"held": 1.0, "offered": 2.0, "shown": 2.5, "first_digit": 4.0, "last_digit": 7.0}
    ends = {"approved_phone": 7.75, "approved_till": 7.5, "authority_s": 0.25}
    fields = {"air": "shop", "profile": "ios", "seed": 7, "number": 3, "till": 1}
    whole = {**fields, **times, **ends, "outcomes": ALL_PAID, **changes}
    return msgspec.convert(msgspec.to_builtins(whole), Record)


def a_scene(job: SceneJob) -> list[Record]:
    """Make up a scene, the same for the same job; every 40th purchase fails."""
    chance = random.Random(f"{job.air}/{job.profile}/{job.seed}")
    slow = (1 + PROFILES.index(job.profile)) * (1 + AIRS.index(job.air)) / 4
    return [_purchase(job, number, chance, slow) for number in range(job.purchases)]


def a_broken_scene(job: SceneJob) -> list[Record]:
    """Make up a scene, but for the first seed, whose scene ends by an error."""
    if job.seed == 1:
        raise RuntimeError("the store is on fire")
    return a_scene(job)


def _purchase(job: SceneJob, number: int, chance: random.Random, slow: float) -> Record:
    held = number * 30.0
    found = held + slow * chance.lognormvariate(-2, 0.5)
    shown = found + 0.1 + slow * chance.lognormvariate(-3, 0.5)
    is_checked_in = number % 5 == 0
    fails = number % 40 == 39
    last = shown + chance.uniform(2, 6)
    return Record(
        air=job.air,
        profile=job.profile,
        seed=job.seed,
        number=number,
        till=1,
        checked_in=is_checked_in,
        held=held,
        offered=found if is_checked_in else held,
        shown=shown,
        last_digit=None if fails else last,
        approved_phone=None if fails else last + 0.2 * slow + 0.05,
        approved_till=None if fails else last + 0.15 * slow + 0.05,
        lost=last if number % 7 == 0 else None,
        resumed=last + slow if number % 7 == 0 else None,
        authority_s=0.05,
        outcomes=NONE_PAID if fails else ALL_PAID,
        reason="link_timeout" if fails else "",
        bound_s=Bound({"searching": 0.02, "connection set-up": 0.03}, {"writing": 0.015}),
        steps=[Mark(PHONE, "found", found), Mark(PHONE, "connected", found + 0.05),
               Mark(PHONE, "read", found + 0.1), Mark(PHONE, "approval_written", last + 0.04),
               Mark(PHONE, "result", last + 0.2 * slow)],
    )  # fmt: skip
