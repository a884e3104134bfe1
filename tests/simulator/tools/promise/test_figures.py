"""The figures of known purchases, computed by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from simulator.tools.promise.figures import (
    MET,
    MISSED,
    NONE,
    OPEN,
    PromiseFigure,
    figures,
    missed,
)
from simulator.tools.promise.record import NOT_PAID, PAID, RESULT, UNKNOWN, Bound, Outcomes, Record
from tests.support.values.made_up_purchases import bought

# Phone and till need 0.5 and 0.25 s of it: a goal is missed.
ANSWERED = {"last_digit": 7.0, "approved_phone": 7.25, "approved_till": 7.2, "authority_s": 0.1}


def of(key: str, records: Sequence[Record], air: str = "shop") -> PromiseFigure:
    return next(figure for figure in figures(air, records) if figure.key == key)


def offers(*seconds: float | None, checked_in: bool = False) -> list[Record]:
    return [
        bought(checked_in=checked_in, shown=None if each is None else 2.0 + each)
        for each in seconds
    ]


def test_every_goal_of_the_table_is_a_figure() -> None:
    found = {figure.key: (figure.goal, figure.kind) for figure in figures("shop", [bought()])}
    assert found == {
        "success": (0.9995, "share"),
        "differently": (0, "count"),
        "offer_p50": (0.5, "s"),
        "offer_p95": (1.0, "s"),
        "offer_p99": (1.8, "s"),
        "offer_checked_p50": (0.15, "s"),
        "offer_checked_p95": (0.4, "s"),
        "offer_checked_p99": (0.8, "s"),
        "phone_p95": (0.3, "s"),
        "till_p95": (0.3, "s"),
        "lost_p95": (1.5, "s"),
        "typed_twice": (0, "count"),
        "wrong_till": (0.001, "wrong"),
        "wrong_approvable": (0, "count"),
    }


def test_in_a_bad_air_five_of_a_thousand_may_fail() -> None:
    records = [bought()] * 995 + [bought(tries=2)] * 5
    assert of("success", records, "bad").verdict == MET
    assert of("success", records, "bad").value == 0.995
    assert of("success", [*records, bought(tries_cashier=2)], "bad").verdict != MET
    assert of("success", records, "shop").verdict == MISSED


def test_few_purchases_do_not_prove_that_a_share_is_missed() -> None:
    """One of a hundred may be one of a thousand; one of 10⁵ may not be two in a thousand."""
    one = [bought()] * 99 + [bought(tries=2)]
    assert of("success", one, "bad").verdict == OPEN
    assert of("success", one).verdict == MISSED
    assert of("success", [bought()] * 999 + [bought(tries=2)]).verdict == OPEN


def test_one_outcome_told_differently_is_one_too_many() -> None:
    differ = bought(outcomes=Outcomes(UNKNOWN, PAID, PAID))
    agree = bought(outcomes=Outcomes(NOT_PAID, NOT_PAID, NOT_PAID))
    found = of("differently", [bought(), agree, differ])
    assert (found.value, found.of, found.verdict) == (1, 3, MISSED)
    assert of("differently", [bought(), agree]).verdict == MET


def test_durations_are_of_those_who_checked_in_or_of_those_who_did_not() -> None:
    records = offers(*[0.25] * 19, 1.5) + offers(0.125, 0.5, checked_in=True)
    assert of("offer_p50", records).value == 0.25
    assert of("offer_p95", records).value == 0.25
    assert of("offer_p99", records).value == 1.5
    assert of("offer_p99", records).of == 20
    assert of("offer_checked_p50", records).value == 0.125
    assert of("offer_checked_p95", records).value == 0.5


def test_a_duration_misses_by_the_share_that_is_longer() -> None:
    assert of("offer_p95", offers(*[0.25] * 19, 1.5)).verdict == MET
    assert of("offer_p95", offers(*[0.25] * 18, 1.5, 1.5)).verdict == OPEN
    assert of("offer_p95", offers(*[0.25] * 18, *[1.5] * 18)).verdict == MISSED


def test_an_offer_that_never_came_is_longer_than_any() -> None:
    found = of("offer_p95", offers(*[0.25] * 9, None))
    assert (found.value, found.verdict) == (None, OPEN)
    assert of("offer_p50", offers(*[0.25] * 9, None)).value == 0.25


def test_the_answer_is_judged_at_the_phone_and_at_the_till() -> None:
    slow = bought(authority_s=0.25, approved_phone=7.75, approved_till=7.5)
    assert of("phone_p95", [slow]).value == 0.5
    assert of("till_p95", [slow]).value == 0.25
    assert of("phone_p95", [slow] * 30).verdict == MISSED
    assert of("till_p95", [slow] * 30).verdict == MET
    assert of("till_p95", [bought(last_digit=None)]).verdict == NONE


def test_a_lost_link_counts_where_there_was_one() -> None:
    assert of("lost_p95", [bought()]).verdict == NONE
    lost = bought(lost=5.0, resumed=6.25)
    assert of("lost_p95", [bought(), lost]).value == 1.25
    assert of("lost_p95", [bought(), bought(lost=5.0)]).value is None
    assert of("typed_twice", [lost, bought(typed_twice=True)]).verdict == MISSED


def test_the_wrong_till_is_rare_and_told_apart() -> None:
    wrong = bought(wrong_till=True)
    assert of("wrong_till", [bought()] * 999 + [wrong]).verdict == MET
    assert of("wrong_till", [bought()] * 998 + [wrong] * 2).verdict == OPEN
    assert of("wrong_till", [bought()] * 990 + [wrong] * 10).verdict == MISSED
    assert of("wrong_approvable", [wrong]).verdict == MET
    assert of("wrong_approvable", [bought(wrong_till=True, wrong_approvable=True)]).value == 1


def test_a_bound_is_the_mean_of_what_the_parameters_need() -> None:
    answer = {"writing": 0.125, RESULT: 0.5}
    one = bought(bound_s=Bound({"searching": 0.25, "reading": 0.25}, answer))
    two = bought(bound_s=Bound({"searching": 1.0}, {"writing": 0.375}))
    assert of("offer_p95", [one, two, bought()]).bound == 0.75
    assert of("till_p95", [one, two]).bound == 0.25  # the till waits for no result
    assert of("phone_p95", [one, two]).bound == 0.5
    assert of("till_p95", [bought()]).bound is None
    assert of("lost_p95", [one]).bound is None


def test_what_is_missed_is_named() -> None:
    assert missed(figures("shop", [bought(**ANSWERED)])) == []
    found = missed(figures("shop", [bought()]))
    assert [figure.key for figure in found] == ["phone_p95"]


@pytest.mark.parametrize("air", ["quiet", "shop", "bad"])
def test_no_purchases_meet_no_goal_and_miss_none(air: str) -> None:
    assert {figure.verdict for figure in figures(air, [])} == {NONE}
