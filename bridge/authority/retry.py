"""Retries: longer waits each time, with jitter so that many bridges spread out."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from receiver.host.backoff import Backoff

from .client import RefusedError, UnansweredError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

FIRST_S = 0.4  # the first wait is at most this, and then at most twice as long each time
CASHIER_MOST_S = 2.0  # while a cashier waits, a returned authority is noticed this soon
OUTBOX_MOST_S = 30.0  # between two tries while no cashier waits: a returned authority is asked soon
REFUSED_S = 300.0  # a refusal by the authority needs a person first
ASKED_MOST_S = 600.0  # an authority that asks for more (Retry-After) may be back sooner

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class LeftError(Exception):
    """The authority left it in a state that is not final."""


def while_waiting(
    attempt: Callable[[*_Ts], Awaitable[bool]], *arguments: *_Ts
) -> Coroutine[None, None, None]:
    """Retry for a till until the attempt returns True; cancelling the task ends the waits."""
    return _until_settled(CASHIER_MOST_S, attempt, *arguments)


def at_leisure(
    attempt: Callable[[*_Ts], Awaitable[bool]], *arguments: *_Ts
) -> Coroutine[None, None, None]:
    """Do the same where no cashier waits."""
    return _until_settled(OUTBOX_MOST_S, attempt, *arguments)


async def for_ever(
    attempt: Callable[[], Awaitable[_T]],
    sleep: Callable[[float], Awaitable[object]],
    tell: Callable[[Exception], None],
) -> _T:
    """Retry what is owed until an answer settles it; `tell` gets every other result.

    An absent authority may be back any moment; a refusal needs a person.
    """
    soon, late = _backoff(OUTBOX_MOST_S), _backoff(REFUSED_S)
    while True:
        try:
            return await attempt()
        except (UnansweredError, RefusedError, LeftError) as error:
            soon_ms, late_ms = soon.next(), late.next()
            wait_ms = soon_ms if isinstance(error, UnansweredError) else late_ms
            wait_s = wait_ms / 1000 + _asked_s(error)
            tell(error)
        await sleep(wait_s)


async def _until_settled(
    most_s: float, attempt: Callable[[*_Ts], Awaitable[bool]], *arguments: *_Ts
) -> None:
    backoff: Backoff | None = None
    while True:
        asked_s = 0.0
        try:
            if await attempt(*arguments):
                return
        except UnansweredError as error:
            asked_s = _asked_s(error)
        backoff = backoff or _backoff(most_s)
        await asyncio.sleep(asked_s + backoff.next() / 1000)


def _backoff(most_s: float) -> Backoff:
    return Backoff(int(FIRST_S * 1000), int(most_s * 1000), random.random, jitter=1)


def _asked_s(error: Exception) -> float:
    """Return how long the authority itself asks for a pause."""
    asked_s = error.retry_after_s if isinstance(error, UnansweredError) else None
    return min(asked_s or 0.0, ASKED_MOST_S)
