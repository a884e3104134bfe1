"""Ranks, percentiles and Wilson's interval, by values that were computed by hand."""

from __future__ import annotations

import pytest

from simulator.tools.promise.shares import needed, percentile, quantiles, wilson


def test_an_interval_is_wilsons() -> None:
    """By Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(29, 29) == pytest.approx((0.8830, 1.0), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


def test_ten_thousands_tell_shares_apart_that_hundreds_do_not() -> None:
    assert wilson(100, 100).low < 0.97
    assert wilson(99_970, 100_000).low > 0.9995
    assert wilson(99_930, 100_000).high < 0.9995


def test_a_share_of_a_number_is_rounded_up() -> None:
    assert needed(0.9995, 100_000) == 99_950
    assert needed(0.95, 100) == 95
    assert needed(0.95, 101) == 96
    assert needed(1.0, 7) == 7


def test_a_percentile_is_a_value_that_was_measured() -> None:
    ranked = [float(value) for value in range(1, 101)]
    assert [percentile(ranked, share) for share in (0.5, 0.95, 0.99)] == [50, 95, 99]
    assert percentile([3.0], 0.5) == 3
    assert percentile([1.0, 2.0, 3.0], 0.95) == 3
    assert percentile([1.0, 2.0, 3.0], 0.0) == 1


def test_quantiles_go_from_the_least_to_the_most() -> None:
    assert quantiles([1.0, 2.0, 3.0, 4.0], 4) == [1, 1, 2, 3, 4]
    assert quantiles([], 4) == []
