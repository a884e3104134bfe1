"""Retries: longer waits each time, with jitter so that many bridges spread out."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

from receiver.host.backoff import Backoff

from .client import RefusedError, UnansweredError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

FIRST_S = 0.4  # the first wait is at most this, and then at most twice as long each time
CASHIER_MOST_S = 2.0  # while a cashier waits, a returned authority is noticed this soon
OUTBOX_MOST_S = 30.0  # between two tries while no cashier waits: a returned authority is asked soon
REFUSED_S = 300.0  # a refusal by the authority needs a person first
ASKED_MOST_S = 600.0  # an authority that asks for more (Retry-After) may be back sooner

_T = TypeVar("_T")


class LeftError(Exception):
    """The authority left it in a state that is not final."""


class Waits:
    """The waits between tries, each longer than the one before."""

    def __init__(self, most_s: float) -> None:
        self._backoff = Backoff(int(FIRST_S * 1000), int(most_s * 1000), random.random, jitter=1)

    def next_s(self, failure: Exception | None) -> float:
        """Return the next wait in seconds; `failure` of the last try may ask for more."""
        asked_s = failure.retry_after_s if isinstance(failure, UnansweredError) else None
        return self._backoff.next() / 1000 + min(asked_s or 0.0, ASKED_MOST_S)


async def for_ever(
    attempt: Callable[[], Awaitable[_T]],
    sleep: Callable[[float], Awaitable[object]],
    tell: Callable[[Exception], None],
) -> _T:
    """Retry what is owed until an answer settles it; `tell` gets every other result.

    An absent authority may be back any moment; a refusal needs a person.
    """
    soon, late = Waits(OUTBOX_MOST_S), Waits(REFUSED_S)
    while True:
        try:
            return await attempt()
        except (UnansweredError, RefusedError, LeftError) as error:
            soon_s, late_s = soon.next_s(error), late.next_s(error)
            wait_s = soon_s if isinstance(error, UnansweredError) else late_s
            tell(error)
        await sleep(wait_s)
