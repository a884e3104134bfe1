"""One purchase as measured, and its line of JSON."""

from __future__ import annotations

from math import inf

import msgspec
import pytest

from simulator.tools.promise import record
from simulator.tools.promise.record import NOT_PAID, PAID, PHONE, UNKNOWN, Bound, Mark, Outcomes
from tests.support.values.made_up_purchases import bought


def test_a_buyer_waits_from_when_both_phone_and_offer_are_there() -> None:
    assert bought().offer_s == 0.5
    assert bought(held=2.25).offer_s == 0.25
    assert bought(asked=2.125, shown=9.0).offer_s == 0.125
    assert bought(shown=None).offer_s == inf
    assert bought(held=None).offer_s == inf


def test_the_authoritys_own_time_is_no_part_of_the_answer() -> None:
    assert bought().phone_s == 0.5
    assert bought().till_s == 0.25
    assert bought(approved_till=None).till_s == inf


def test_a_lost_link_costs_from_when_another_could_be_had() -> None:
    assert bought().lost_s is None
    assert bought(lost=5.0, resumed=5.5).lost_s == 0.5
    assert bought(lost=5.0, back=5.25, resumed=5.5).lost_s == 0.25
    assert bought(lost=5.0, back=4.0, resumed=5.5).lost_s == 0.5
    assert bought(lost=5.0).lost_s == inf


def test_a_purchase_succeeds_by_one_try_of_each() -> None:
    assert bought().succeeded
    assert not bought(tries=2).succeeded
    assert bought(tries=2).paid
    assert not bought(tries_cashier=2).succeeded
    assert not bought(outcomes=Outcomes(UNKNOWN, PAID, PAID)).succeeded


def test_outcomes_agree_where_all_three_say_the_same() -> None:
    assert Outcomes(NOT_PAID, NOT_PAID, NOT_PAID).agree
    assert not Outcomes(UNKNOWN, PAID, PAID).agree
    assert not Outcomes(PAID, PAID, NOT_PAID).agree


def test_a_record_survives_its_line() -> None:
    steps = [Mark(PHONE, "found", 1.5), Mark(PHONE, "connected", 1.75)]
    made = bought(steps=steps, bound_s=Bound({"searching": 0.03}, {"writing": 0.015}))
    assert list(record.lines(record.line(made) * 2)) == [made, made]


def test_a_line_that_was_broken_off_is_left_out() -> None:
    line = record.line(bought())
    for size in (0, 1, len(line) - 1):
        assert list(record.lines(line + line[:size])) == [bought()]
    assert list(record.lines(line[:-1])) == []


def test_a_line_that_is_no_record_is_an_error() -> None:
    with pytest.raises(msgspec.DecodeError):
        list(record.lines(b'{"air": 3}\n'))
