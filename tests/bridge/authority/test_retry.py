"""How long is waited before asking again: with jitter, longer each time, and never too long."""

from __future__ import annotations

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


@pytest.mark.parametrize(
    ("asked_s", "waited_s"), [(7.0, 7.0), (3600.0, retry.ASKED_MOST_S), (float("inf"), 600.0)]
)
async def test_as_long_as_the_authority_asks_for(asked_s: float, waited_s: float) -> None:
    found = await waits(UnansweredError("status 503", retry_after_s=asked_s))
    for number, seconds in enumerate(found):
        more = min(retry.OUTBOX_MOST_S, retry.FIRST_S * 2**number)
        assert waited_s <= seconds <= waited_s + more  # many bridges do not come at once


def test_a_cashier_waits_no_longer_than_two_seconds_or_as_asked() -> None:
    waits = retry.Waits(retry.CASHIER_MOST_S)
    asked = waits.next_s(UnansweredError("status 429", retry_after_s=7))
    assert 7 <= asked <= 7 + retry.FIRST_S
    later = [waits.next_s(UnansweredError("nothing came")), waits.next_s(None)]
    assert max(later) <= 4 * retry.FIRST_S
    assert max(waits.next_s(None) for _ in range(TRIES)) <= retry.CASHIER_MOST_S
