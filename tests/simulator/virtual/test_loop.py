"""A loop whose time jumps, and a process whose clocks are its."""

from __future__ import annotations

import asyncio
import time

import pytest

from simulator.virtual.clock import BEGAN_S, clock
from simulator.virtual.loop import Loop, QuietError, StuckError
from tests.simulator.virtual.conftest import Run


def test_a_day_passes_at_once(run: Run) -> None:
    real = time.perf_counter()

    async def work() -> None:
        await asyncio.sleep(86_400)

    assert run(work()) == pytest.approx(86_400, abs=0.01)
    assert time.perf_counter() - real < 10


def test_timers_come_in_their_order(run: Run) -> None:
    came: list[tuple[int, float]] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()

        def come(delay: int) -> None:
            came.append((delay, loop.time()))

        for delay in (3, 1, 2):
            loop.call_later(delay, come, delay)
        await asyncio.sleep(4)

    run(work())
    assert [delay for delay, _ in came] == [1, 2, 3]
    assert [at for _, at in came] == pytest.approx([1, 2, 3], abs=1e-4)


def test_the_processs_clocks_are_the_loops() -> None:
    loop = Loop()
    true = time.time
    with clock(loop):
        assert time.time() == BEGAN_S
        loop.now = 12.5
        assert time.time() == BEGAN_S + 12.5
        assert time.time_ns() == (BEGAN_S * 10 + 125) * 10**8
        assert time.monotonic() == 12.5
    assert time.time is true
    loop.close()


def test_a_wait_for_nothing_is_an_error(run: Run) -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    with pytest.raises(QuietError):
        run(work())


def test_work_without_end_is_an_error(run: Run) -> None:
    async def work() -> None:
        while True:  # noqa: ASYNC110 - the point of it
            await asyncio.sleep(0)

    with pytest.raises(StuckError):
        run(work())
