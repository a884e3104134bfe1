"""A terminal's clock held against the dates of the authority's answers."""

from __future__ import annotations

import logging
from collections.abc import Callable
from email.utils import formatdate
from types import SimpleNamespace

import pytest

import bridge.clock
from bridge.clock import WRONG_S, Clock
from receiver import reasons

AT = 1_800_000_000

Ahead = Callable[[int], None]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hear(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Ahead:
    """An answer comes while this terminal's clock is so far ahead."""

    def answer(ahead_s: int) -> None:
        here = SimpleNamespace(time=lambda: float(AT + ahead_s))
        monkeypatch.setattr(bridge.clock, "time", here)
        clock.hear(formatdate(AT, usegmt=True))

    return answer


def test_before_any_answer(clock: Clock) -> None:
    assert (clock.ahead_s, clock.wrong) == (None, False)
    assert clock.blamed(reasons.OFFER_EXPIRED) == reasons.OFFER_EXPIRED


@pytest.mark.parametrize("ahead_s", [0, WRONG_S, -WRONG_S])
def test_close_enough(clock: Clock, hear: Ahead, ahead_s: int) -> None:
    hear(ahead_s)
    assert (clock.ahead_s, clock.wrong) == (ahead_s, False)
    assert clock.blamed(reasons.OFFER_EXPIRED) == reasons.OFFER_EXPIRED


@pytest.mark.parametrize(
    ("ahead_s", "said"),
    [(WRONG_S + 1, "121 s ahead of the authority's"), (-3600, "3600 s behind the authority's")],
)
def test_too_far_apart(clock: Clock, hear: Ahead, ahead_s: int, said: str) -> None:
    hear(ahead_s)
    assert (clock.ahead_s, clock.wrong, clock.difference()) == (ahead_s, True, said)
    assert clock.blamed(reasons.OFFER_EXPIRED) == reasons.CLOCK_WRONG
    assert clock.blamed(reasons.CREDENTIAL_NOT_YET_VALID) == reasons.CLOCK_WRONG
    assert clock.blamed(reasons.CREDIT_SPACE) == reasons.CREDIT_SPACE


def test_every_change_is_logged_once(hear: Ahead, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for ahead_s in (0, 1, 3600, 3601, 3599, 7200, 0, 60, -3600):
        hear(ahead_s)
    wrong, right = ("ERROR", "the clock is wrong"), ("INFO", "the clock is right")
    assert [(it.levelname, it.message) for it in caplog.records] == [wrong, wrong, right, wrong]


@pytest.mark.parametrize(
    "date", ["", "x", "Mon, 99 Nov 2026 00:00:00 GMT", "Mon, 23 Nov 2026 00:00:00 +0100", "\0" * 99]
)
def test_what_is_no_date_says_nothing(clock: Clock, date: str) -> None:
    clock.hear(date)
    assert clock.ahead_s is None
