"""Repeat the requests of tills and people to a crashing bridge, until there is an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import aiohttp

from simulator.world.till import Json, Till, TillError

T = TypeVar("T")

ANSWER_S = 20.0  # for any answer: a slower bridge counts as down
AGAIN_S = 0.1  # after a bridge that did not answer

UNKNOWN_SALE = "unknown-sale"  # the problem of a sale that neither bridge nor authority has
_STANDS = ("conflict", "sale-id-used")  # problems that tell the sale's state


class Asking:
    """A caller; `bridge` returns its address, once it serves."""

    def __init__(self, bridge: Callable[[], Awaitable[str]]) -> None:
        self._bridge = bridge

    async def ask(self, call: Callable[[Till], Awaitable[T]]) -> T:
        """Return an answer, however often the bridge crashes before it; raises TillError."""
        while True:
            with suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with Till(await self._bridge()) as till, asyncio.timeout(ANSWER_S):
                    try:
                        return await call(till)
                    except TillError as error:
                        if error.status < 500:
                            raise
            await asyncio.sleep(AGAIN_S)

    async def stands(self, call: Callable[[Till], Awaitable[Json]]) -> Json:
        """Return the sale after that, whether it went as requested or not."""
        try:
            return await self.ask(call)
        except TillError as error:
            if error.kind not in _STANDS:
                raise
            sale: Json = error.problem["sale"]
            return sale
