"""An event loop whose time jumps, in which what runs belongs to a life (`life.Life`) or to none.

A task and whatever it schedules inherit that from their context, so that one life can be stopped
and all else goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Any, Protocol, TypeVarTuple

from simulator.virtual.loop import Loop

_Ts = TypeVarTuple("_Ts")


class Steps(Protocol):
    """Who lives step by step."""

    def step(self, callback: Callable[..., object], *args: Any) -> object:
        """Run one step, unless it is dead."""


LIFE: ContextVar[Steps] = ContextVar("life")


class LivesLoop(Loop):
    """Counts nothing itself: every callback of a life goes through `Steps.step`."""

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


def _as_step(context: Context, callback: Callable[..., object], *args: Any) -> partial[object]:
    """The callback, as a step of the life that it belongs to, if it does."""
    life = context.get(LIFE)
    if life is None:
        return partial(callback, *args)
    return partial(life.step, callback, *args)
