"""Asking again: two policies over one library, with jitter so that many bridges spread out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, retry_if_result
from tenacity.wait import wait_base, wait_random_exponential

from .client import RefusedError, UnansweredError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FIRST_S = 0.4  # the first wait is up to that, and then up to twice as long each time
CASHIER_MOST_S = 2.0  # while a cashier waits, an authority that is back is noticed this soon
OUTBOX_MOST_S = 30.0
REFUSED_S = 300.0  # what the authority refuses needs a person first
ASKED_MOST_S = 600.0  # an authority that asks for more (Retry-After) may be back sooner


class LeftError(Exception):
    """The authority left it in a state that settles nothing."""


def while_waiting() -> AsyncRetrying:
    """For a till: again until the attempt returns True; who gives the task up ends the waits."""
    return _until_settled(CASHIER_MOST_S)


def at_leisure() -> AsyncRetrying:
    """The same where no cashier waits."""
    return _until_settled(OUTBOX_MOST_S)


def for_ever(
    sleep: Callable[[float], Awaitable[Any]], tell: Callable[[RetryCallState], None]
) -> AsyncRetrying:
    """For what is owed: again until an answer settles it; `tell` hears of the others."""
    return AsyncRetrying(
        wait=_Wait(),
        retry=retry_if_exception_type((UnansweredError, RefusedError, LeftError)),
        sleep=sleep,
        before_sleep=tell,
    )


def _until_settled(most_s: float) -> AsyncRetrying:
    return AsyncRetrying(
        wait=_Asked() + wait_random_exponential(multiplier=FIRST_S, max=most_s),
        retry=retry_if_result(lambda settled: not settled)
        | retry_if_exception_type(UnansweredError),
        sleep=asyncio.sleep,
    )


class _Asked(wait_base):
    """As long as the authority itself asks to be left alone."""

    def __call__(self, retry_state: RetryCallState) -> float:
        error = _error(retry_state)
        asked_s = error.retry_after_s if isinstance(error, UnansweredError) else None
        return min(asked_s or 0.0, ASKED_MOST_S)


class _Wait(wait_base):
    """An authority that is away may be back any moment; one that refuses needs a person."""

    def __init__(self) -> None:
        self._soon = _Asked() + wait_random_exponential(multiplier=FIRST_S, max=OUTBOX_MOST_S)
        self._late = wait_random_exponential(multiplier=FIRST_S, max=REFUSED_S)

    def __call__(self, retry_state: RetryCallState) -> float:
        unanswered = isinstance(_error(retry_state), UnansweredError)
        return (self._soon if unanswered else self._late)(retry_state)


def _error(retry_state: RetryCallState) -> BaseException | None:
    return retry_state.outcome.exception() if retry_state.outcome else None
