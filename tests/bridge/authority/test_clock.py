"""A terminal's clock held against the dates of the authority's answers."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from email.utils import formatdate
from types import SimpleNamespace

import pytest

from bridge import RELEASED
from bridge.authority import clock_skew
from bridge.authority.clock_skew import WRONG_S, Clock, http_date
from receiver import reasons
from tests.architecture.tree import ROOT

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
        monkeypatch.setattr(clock_skew, "time", here)
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


def set_to(at: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """This terminal's clock."""
    monkeypatch.setattr(clock_skew, "time", SimpleNamespace(time=lambda: at))


@pytest.mark.parametrize("jump_s", [300, -300, 3600, -3600, -30 * 365 * 86_400])
def test_a_jump_since_the_last_answer(
    jump_s: int, clock: Clock, hear: Ahead, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear(0)
    set_to(AT + jump_s, monkeypatch)
    assert clock.wrong
    assert clock.ahead_s == pytest.approx(jump_s, abs=1)
    assert clock.blamed(reasons.CREDENTIAL_NOT_YET_VALID) == reasons.CLOCK_WRONG


def test_a_clock_before_its_own_release(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the size: a terminal whose battery is empty begins in 1970 or 2000."""
    released = datetime.combine(RELEASED, datetime.min.time(), UTC).timestamp()
    for behind_s in (WRONG_S + 1, 5 * 365 * 86_400, released):
        set_to(released - behind_s, monkeypatch)
        assert clock.wrong
        assert clock.difference() == f"{behind_s:.0f} s behind the date of this release"
    clock.look()
    assert [it.message for it in caplog.records] == ["the clock is wrong"]
    set_to(released - WRONG_S, monkeypatch)
    assert (clock.ahead_s, clock.wrong) == (None, False)


@pytest.mark.parametrize("behind_s", [WRONG_S + 1, 3600, 86_400])
def test_a_clock_before_the_newest_entry_of_the_journal(
    behind_s: int, clock: Clock, hear: Ahead, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to(AT, monkeypatch)
    clock.know_entry(0)
    clock.know_entry((AT - 5) * 1000)
    assert (clock.wrong, clock.ahead_s) == (False, None)
    clock.know_entry((AT + behind_s) * 1000)
    assert (clock.wrong, clock.ahead_s) == (True, -behind_s)
    assert clock.difference() == f"{behind_s} s behind the newest entry of the journal"
    hear(0)  # and it was the clock of then that was wrong
    assert (clock.wrong, clock.ahead_s) == (False, 0)


def test_the_release_is_dated() -> None:
    """Not in the future, and no older than what the changelog dates."""
    dates = re.findall(
        r"^## .*(\d{4}-\d\d-\d\d)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert all(date.fromisoformat(one) <= RELEASED for one in dates)
    assert date(2026, 11, 1) < RELEASED <= datetime.now(UTC).date() + timedelta(days=1)


def test_dates_of_http() -> None:
    assert http_date(formatdate(AT, usegmt=True)) == AT
    assert http_date("tomorrow") is None
