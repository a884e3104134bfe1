"""An event loop whose time jumps: when nothing is ready, it is the time of the next timer.

What runs belongs to a life (`life.Life`) or to the rest of the world: a task and whatever it
schedules inherit that from their context, so that one life can be stopped and all else goes on.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Any, Protocol, TypeVarTuple

_Ts = TypeVarTuple("_Ts")

_TICK_S = 1e-6  # what is due is past, in whole milliseconds too
TURNS_MOST = 10_000  # at one time; the busiest crash scenario takes 20


class QuietError(Exception):
    """Nothing is ready, no timer runs, and yet somebody waits."""


class StuckError(Exception):
    """What runs never waits: time does not pass any more."""


class Steps(Protocol):
    """Who lives step by step."""

    def step(self, callback: Callable[..., object], *args: Any) -> object:
        """Run one step, unless it is dead."""


LIFE: ContextVar[Steps] = ContextVar("life")


class Loop(asyncio.SelectorEventLoop):
    """Counts nothing itself: every callback of a life goes through `Steps.step`."""

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now

    def call_soon(
        self,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        context = context or copy_context()
        step = _as_step(context, callback, *args)
        return super().call_soon(step, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        context = context or copy_context()
        step = _as_step(context, callback, *args)
        return super().call_at(when, step, context=context)


class _Jumping(selectors.SelectSelector):
    """Waits for no file: time passes at once."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop
        self._turns = 0  # since time has passed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise QuietError
        self._turns += 1
        if timeout > 0:
            self._loop.now += timeout + _TICK_S
            self._turns = 0
        if self._turns > TURNS_MOST:
            raise StuckError(f"no rest at {self._loop.now:.3f} s after {TURNS_MOST} turns")
        return []


def _as_step(context: Context, callback: Callable[..., object], *args: Any) -> partial[object]:
    """The callback, as a step of the life that it belongs to, if it does."""
    life = context.get(LIFE)
    if life is None:
        return partial(callback, *args)
    return partial(life.step, callback, *args)
