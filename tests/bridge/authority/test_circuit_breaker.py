"""Who may ask an authority that is away."""

from __future__ import annotations

import pytest

from bridge.authority.circuit_breaker import FAILURES_MOST, REST_MS, CircuitBreaker

NOW = 1_000


@pytest.fixture
def away() -> CircuitBreaker:
    """After as many failures as it takes, the last at NOW."""
    breaker = CircuitBreaker()
    for _ in range(FAILURES_MOST):
        assert breaker.admits(NOW)
        breaker.failed(NOW)
    return breaker


def test_no_request_is_let_through_during_the_rest_and_one_after_it(away: CircuitBreaker) -> None:
    assert not away.admits(NOW + REST_MS - 1)
    assert away.admits(NOW + REST_MS)
    assert not away.admits(NOW + REST_MS)


def test_one_answer_lets_all_ask(away: CircuitBreaker) -> None:
    assert away.admits(NOW + REST_MS)
    away.reset()
    assert [away.admits(NOW + REST_MS) for _ in range(3)] == [True] * 3


def test_one_failure_of_the_trial_is_another_rest(away: CircuitBreaker) -> None:
    later = NOW + REST_MS
    assert away.admits(later)
    away.failed(later)
    assert not away.admits(later + REST_MS - 1)
    assert away.admits(later + REST_MS)


def test_a_trial_that_is_given_up_leaves_the_next_one_free(away: CircuitBreaker) -> None:
    assert away.admits(NOW + REST_MS)
    away.gave_up(NOW + REST_MS)
    assert away.admits(NOW + REST_MS)
    assert not away.admits(NOW + REST_MS)


def test_an_answer_in_between_forgives_the_failures() -> None:
    breaker = CircuitBreaker()
    for _ in range(2):
        for _ in range(FAILURES_MOST - 1):
            breaker.failed(NOW)
        breaker.reset()
    assert breaker.admits(NOW)


def test_a_person_who_knows_better(away: CircuitBreaker) -> None:
    away.reset()
    assert away.admits(NOW)
    away.failed(NOW)
    assert away.admits(NOW)
