"""Which till is taken, after what time, and when the buyer is asked."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import pytest

from simulator.phone.transport.choice import (
    ALONE,
    AT_ONCE_S,
    CLEAR,
    ENOUGH,
    GATHER_FAR_S,
    GATHER_MOST_S,
    GATHER_S,
    SHOWN_MOST,
    WINDOW_S,
    AskBuyer,
    Choice,
    Take,
    Wait,
)

OPEN_S, IDLE_S = 0.025, 0.155  # between two advertisements
HERE, NEXT = "here", "next"


class Till(NamedTuple):
    """One till on the air: its level (dBm), and when it is heard (s)."""

    name: str
    rssi: float
    every: float = OPEN_S
    first: float = 0.0


def heard(*tills: Till, until: float = 1.0) -> list[tuple[float, Till]]:
    """All readings, in the order of their times."""
    readings = []
    for till in tills:
        count = int((until - till.first) / till.every) + 1
        readings += [(till.first + number * till.every, till) for number in range(count)]
    return sorted(readings, key=lambda reading: reading[0])


def decided(*tills: Till, until: float = 1.0) -> tuple[float, Take[str] | AskBuyer[str]]:
    """When the verdict falls, and which; every deadline on the way is kept."""
    choice: Choice[str] = Choice()
    readings = heard(*tills, until=until)
    due = None
    while readings or due is not None:
        if readings and (due is None or readings[0][0] < due):
            now, till = readings.pop(0)
            choice.hear(till.name, till.rssi, now, is_open=till.every == OPEN_S)
        else:
            assert due is not None
            now = due
        verdict = choice.verdict(now)
        if not isinstance(verdict, Wait):
            return now, verdict
        due = verdict.until
    raise AssertionError("no verdict")


TABLE: dict[str, tuple[list[Till], tuple[float, Take[str] | AskBuyer[str]]]] = {
    "held close, alone: at once": (
        [Till(HERE, -42)],
        (AT_ONCE_S, Take(HERE, ALONE)),
    ),
    "held close, a neighbour behind: at once": (
        [Till(HERE, -42), Till(NEXT, -61)],
        (AT_ONCE_S, Take(HERE, CLEAR)),
    ),
    "alone, but not close: an idle one may be closer": (
        [Till(HERE, -51)],
        (GATHER_S, Take(HERE, ALONE)),
    ),
    "alone and far: an idle one may be closer, and be missed once": (
        [Till(HERE, -58)],
        (GATHER_FAR_S, Take(HERE, ALONE)),
    ),
    "the closer one is idle and heard later": (
        [Till(NEXT, -61), Till(HERE, -47, IDLE_S, 0.15)],
        (GATHER_MOST_S, Take(HERE, CLEAR)),
    ),
    "idle, and so much stronger that one reading is enough": (
        [Till(NEXT, -68), Till(HERE, -47, IDLE_S, 0.15)],
        (GATHER_S, Take(HERE, CLEAR)),
    ),
    "two within some dB: the buyer is asked": (
        [Till(HERE, -50), Till(NEXT, -55)],
        (GATHER_S, AskBuyer((HERE, NEXT), far=False)),
    ),
    "two that are read seldom: a few more readings, then the buyer": (
        [Till(HERE, -50, IDLE_S), Till(NEXT, -55, IDLE_S)],
        (2 * IDLE_S, AskBuyer((HERE, NEXT), far=False)),
    ),
    "equal but for the open sale: it is named first": (
        [Till(NEXT, -52, IDLE_S), Till(HERE, -53)],
        (2 * IDLE_S, AskBuyer((HERE, NEXT), far=False)),
    ),
    "an idle till is not left for an open one far off": (
        [Till(HERE, -46, IDLE_S), Till(NEXT, -62)],
        (2 * IDLE_S, Take(HERE, CLEAR)),
    ),
    "a third till that is far off is not asked about": (
        [Till(HERE, -50), Till(NEXT, -55), Till("far", -65)],
        (GATHER_S, AskBuyer((HERE, NEXT), far=False)),
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_the_rule(case: str) -> None:
    tills, (due, verdict) = TABLE[case]
    at, found = decided(*tills)
    assert at == pytest.approx(due)
    assert found == verdict


def test_one_loud_reading_is_no_reason_to_hurry() -> None:
    """A reflection is one reading; a phone that is held is read again and again."""
    choice: Choice[str] = Choice()
    choice.hear(HERE, -30, 0.0, is_open=True)
    for number in range(1, ENOUGH):
        choice.hear(HERE, -60, number * OPEN_S, is_open=True)
    verdict = choice.verdict(AT_ONCE_S)
    assert verdict == Wait(GATHER_S)


def test_readings_of_another_place_count_no_more() -> None:
    """A phone that comes out of the queue reads its till by 24 dB stronger than before."""
    choice: Choice[str] = Choice()
    for number in range(100):
        now = number * OPEN_S
        choice.hear(NEXT, -58, now, is_open=True)
        choice.hear(HERE, -70 if now < 1.0 else -46, now, is_open=True)
    assert choice.verdict(100 * OPEN_S) == Take(HERE, CLEAR)
    assert choice.mean(HERE) == pytest.approx(-46)


def test_far_from_all_the_buyer_is_asked_however_clear_it_is() -> None:
    choice: Choice[str] = Choice()
    for number in range(30):
        choice.hear(NEXT, -56, number * OPEN_S, is_open=True)
        choice.hear(HERE, -75, number * OPEN_S, is_open=True)
    assert choice.verdict(30 * OPEN_S) == AskBuyer((NEXT, HERE), far=True)


def test_a_till_that_is_heard_no_more_is_no_choice() -> None:
    choice: Choice[str] = Choice()
    choice.hear(HERE, -50, 0.0, is_open=True)
    assert isinstance(choice.verdict(WINDOW_S + 0.1), Wait)


def test_a_buyer_who_moves_closer_answers() -> None:
    choice: Choice[str] = Choice()
    for number in range(8):
        choice.hear(HERE, -52, number * OPEN_S, is_open=True)
        choice.hear(NEXT, -56, number * OPEN_S, is_open=True)
    assert choice.verdict(GATHER_S) == AskBuyer((HERE, NEXT), far=False)
    for number in range(8, 24):
        choice.hear(HERE, -42, number * OPEN_S, is_open=True)
        choice.hear(NEXT, -56, number * OPEN_S, is_open=True)
    assert choice.verdict(0.6) == Take(HERE, CLEAR)


def test_no_more_tills_are_shown_than_can_be_read() -> None:
    choice: Choice[int] = Choice()
    for till in range(10):
        for number in range(ENOUGH):
            choice.hear(till, -50, number * OPEN_S, is_open=True)
    verdict = choice.verdict(GATHER_S)
    assert isinstance(verdict, AskBuyer)
    assert len(verdict.tills) == SHOWN_MOST


# Against the rooms of docs/radio.md: what is taken without asking is the buyer's own till.


def hold(random: Random, neighbours: int, between: float, places: float, fading: float) -> str:
    """One hold: what is taken, or "asked"."""
    own = -47 + random.gauss(0, places)
    levels = {HERE: own}
    for number in range(neighbours):
        levels[f"{NEXT} {number}"] = -47 - between + random.gauss(0, places)
    choice: Choice[str] = Choice()
    now = 0.0
    while True:
        for till, level in levels.items():
            choice.hear(till, level + random.gauss(0, fading), now, is_open=True)
        verdict = choice.verdict(now)
        if isinstance(verdict, Take):
            return HERE if verdict.till == HERE else NEXT
        if isinstance(verdict, AskBuyer):
            return "asked"
        now += OPEN_S


@pytest.mark.parametrize(
    ("room", "wrong", "asked"),
    [((2, 18.0, 3.5, 3.0), 0.0005, 0.1), ((3, 14.0, 4.5, 4.0), 0.001, 0.45)],
    ids=["shop", "bad"],
)
def test_in_a_store(room: tuple[int, float, float, float], wrong: float, asked: float) -> None:
    random = Random("choice")
    holds = [hold(random, *room) for _ in range(20_000)]
    share = {name: holds.count(name) / len(holds) for name in (HERE, "asked")}
    assert 1 - sum(share.values()) <= wrong
    assert share["asked"] <= asked
