"""What tills and people ask of a bridge that dies: again and again, until there is an answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import aiohttp

from simulator.world.till import Till, TillError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

Json = dict[str, Any]
T = TypeVar("T")

ANSWER_S = 20.0  # for any answer: a bridge that takes longer is as good as gone
AGAIN_S = 0.1  # after a bridge that did not answer

UNKNOWN_SALE = "unknown-sale"  # the problem of a sale that neither bridge nor authority has
_STANDS = ("conflict", "sale-id-used")  # problems that say how the sale is


class Asking:
    """`bridge` tells where it serves, once it does."""

    def __init__(self, bridge: Callable[[], Awaitable[str]]) -> None:
        self._bridge = bridge

    async def ask(self, call: Callable[[Till], Awaitable[T]]) -> T:
        """An answer, however often the bridge dies before it gives one; raises TillError."""
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
        """How the sale is after that, whether it was as wished or not."""
        try:
            return await self.ask(call)
        except TillError as error:
            if error.kind not in _STANDS:
                raise
            sale: Json = error.problem["sale"]
            return sale
