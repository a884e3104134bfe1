"""How long is waited before asking again: with jitter, longer each time, and never too long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bridge.authority import retry
from bridge.authority.client import RefusedError, UnansweredError
from bridge.authority.retry import LeftError
from receiver import reasons

TRIES = 200
AWAY = UnansweredError("no answer")
REFUSED = RefusedError(reasons.CONFLICT, "status 409", said=True)


async def waits(error: Exception) -> list[float]:
    """Before each new try of something that fails in the same way again and again."""
    found: list[float] = []

    async def sleep(seconds: float) -> None:
        found.append(seconds)

    async def fails() -> None:
        if len(found) < TRIES:
            raise error

    told: list[Exception] = []
    await retry.for_ever(fails, sleep, told.append)
    assert len(found) == TRIES
    assert told == [error] * TRIES
    return found


@pytest.mark.parametrize(
    ("error", "most"),
    [
        (AWAY, retry.OUTBOX_MOST_S),
        (REFUSED, retry.REFUSED_S),
        (LeftError("PENDING"), retry.REFUSED_S),
    ],
)
async def test_longer_each_time_up_to_a_bound(error: Exception, most: float) -> None:
    found = await waits(error)
    for number, seconds in enumerate(found):
        assert 0 <= seconds <= min(most, retry.FIRST_S * 2**number)
    assert max(found) > most / 2  # one in 2**190 runs says otherwise
    assert len(set(found[50:])) > 100  # spread out


async def test_what_is_no_answer_of_the_authority_comes_through() -> None:
    with pytest.raises(ZeroDivisionError):
        await waits(ZeroDivisionError())


async def test_until_it_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_S", 0)
    for policy in (retry.while_waiting, retry.at_leisure):
        answers = [False, False, True, False]

        async def attempt(left: list[bool] = answers) -> bool:
            return left.pop(0)

        await policy(attempt)
        assert answers == [False]


@pytest.mark.parametrize(
    ("asked_s", "waited_s"), [(7.0, 7.0), (3600.0, retry.ASKED_MOST_S), (float("inf"), 600.0)]
)
async def test_as_long_as_the_authority_asks_for(asked_s: float, waited_s: float) -> None:
    found = await waits(UnansweredError("status 503", retry_after_s=asked_s))
    for number, seconds in enumerate(found):
        more = min(retry.OUTBOX_MOST_S, retry.FIRST_S * 2**number)
        assert waited_s <= seconds <= waited_s + more  # many bridges do not come at once


@pytest.mark.parametrize("policy", [retry.while_waiting, retry.at_leisure])
async def test_the_same_while_a_cashier_waits(
    policy: Callable[..., Awaitable[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    answers: list[Exception | bool] = [
        UnansweredError("status 429", retry_after_s=7),
        UnansweredError("nothing came"),
        False,
        True,
    ]

    async def attempt() -> bool:
        said = answers.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    await policy(attempt)
    assert 7 <= slept[0] <= 7 + retry.FIRST_S
    assert max(slept[1:]) <= 4 * retry.FIRST_S
    assert len(slept) == 3
