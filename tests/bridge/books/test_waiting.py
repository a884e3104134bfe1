"""Who waits for a sale is woken by what happens to it, and by nothing else."""

from __future__ import annotations

import asyncio

import pytest

from bridge.books.waiters import Waiting
from bridge.domain.sale import Sale, Terms
from bridge.domain.states import State
from tests.support.values.evidence import SEK

LONG_S = 60.0  # no test waits that long
TERMS = Terms("sale-0123456789ab", 3, 100, SEK, 25, "", b"12345678", b"receiver")


@pytest.fixture
def sale() -> Sale:
    return Sale(TERMS)


async def waits(waiting: Waiting, sale: Sale, *states: State) -> list[bool]:
    """Whether a till that waits for news is done after each state."""
    asked = asyncio.create_task(waiting.news(sale, LONG_S))
    done = []
    for state in states:
        await asyncio.sleep(0)
        sale.state = state
        waiting.wake(sale.terms.sale_id)
        for _ in range(5):
            await asyncio.sleep(0)
        done.append(asked.done())
    asked.cancel()
    await asyncio.wait((asked,))
    return done


async def test_news_is_an_answer(sale: Sale) -> None:
    waiting = Waiting(())
    steps = (
        State.CLAIMED,
        State.APPROVAL_RECEIVED,
        State.AUTHORISATION_SENT,
        State.AUTHORISED_AWAITING_RECEIVER,
        State.APPROVED,
    )
    assert await waits(waiting, sale, *steps) == [False, False, False, False, True]


@pytest.mark.parametrize(
    "state", [State.DECLINED, State.CANCELLED, State.REVERSING, State.TILL_NOTIFIED]
)
async def test_every_end_is_news(sale: Sale, state: State) -> None:
    assert await waits(Waiting(()), sale, State.CLAIMED, state) == [False, True]


async def test_doubt_is_news_and_so_is_its_end(sale: Sale) -> None:
    waiting = Waiting(())
    assert await waits(waiting, sale, State.AUTHORISATION_SENT, State.AUTHORITY_TIMEOUT) == [
        False,
        True,
    ]
    assert await waits(waiting, sale, State.UNKNOWN, State.OPEN) == [False, True]


async def test_who_has_an_answer_does_not_wait(sale: Sale) -> None:
    sale.state = State.POSTED
    assert await Waiting(()).answered(sale, 0)
    assert await Waiting(()).final(sale, 0)
    assert await Waiting(()).cleared(sale, 0)


async def test_all_waits_are_bounded(sale: Sale) -> None:
    waiting = Waiting(())
    sale.owed = (b"i" * 16,)
    assert not await waiting.answered(sale, 0)
    assert not await waiting.final(sale, 0)
    assert not await waiting.cleared(sale, 0)
    assert not waiting._waiting  # nothing is left of them


async def test_all_who_wait_are_woken_and_no_others(sale: Sale) -> None:
    waiting, other = Waiting(()), Sale(TERMS._replace(sale_id="sale-of-the-next-buyer"))
    ours = [asyncio.create_task(waiting.final(sale, LONG_S)) for _ in range(3)]
    theirs = asyncio.create_task(waiting.final(other, LONG_S))
    await asyncio.sleep(0)
    sale.state = State.POSTED
    waiting.wake(sale.terms.sale_id)
    assert await asyncio.gather(*ours) == [True] * 3
    assert not theirs.done()
    theirs.cancel()
    await asyncio.wait((theirs,))
    assert not waiting._waiting


async def test_a_request_that_goes_takes_no_other_along(sale: Sale) -> None:
    """One of two polls is cancelled in the very moment in which something happens."""
    waiting = Waiting(())
    first = asyncio.create_task(waiting.final(sale, LONG_S))
    second = asyncio.create_task(waiting.final(sale, LONG_S))
    await asyncio.sleep(0)
    first.cancel()
    sale.state = State.POSTED
    waiting.wake(sale.terms.sale_id)
    assert await second
    with pytest.raises(asyncio.CancelledError):
        await first
