"""Waiters for a sale, woken by its events; none polls."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from bridge.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain.sale import Sale


class Waiting:
    """Waiters by sale. All waits are bounded, and return whether the condition holds at the end."""

    def __init__(self, held: Callable[[str], bool]) -> None:
        """`held`: whether a sale, by its id, has facts not to show yet (`Commits.is_held`)."""
        self._held = held
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}

    def wake(self, sale_id: str) -> None:
        """Wake all waiters of the sale, so that they look again."""
        for waiter in self._waiting.pop(sale_id, ()):
            if not waiter.done():
                waiter.set_result(None)

    def is_answered(self, sale: Sale) -> bool:
        """Whether the till's wait is over, and the till may see that."""
        return sale.answered and not self._held(sale.terms.sale_id)

    async def news(self, sale: Sale, seconds: float) -> bool:
        """Wait until the sale has an answer, becomes unknown or is no longer unknown."""
        before = self._is_unknown(sale)
        return await self._until(
            sale, seconds, lambda: self.is_answered(sale) or self._is_unknown(sale) != before
        )

    async def answered(self, sale: Sale, seconds: float) -> bool:
        """Wait until the till's wait is over."""
        return await self._until(sale, seconds, lambda: self.is_answered(sale))

    async def cleared(self, sale: Sale, seconds: float) -> bool:
        """Wait until no reversal of this sale is owed."""
        return await self._until(sale, seconds, lambda: not sale.owed)

    async def final(self, sale: Sale, seconds: float) -> bool:
        """Wait until the sale is final."""
        return await self._until(sale, seconds, lambda: sale.final)

    async def _until(self, sale: Sale, seconds: float, so: Callable[[], bool]) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not so():
                    await self._change(sale.terms.sale_id)
        return so()

    async def _change(self, sale_id: str) -> None:
        waiter = asyncio.get_running_loop().create_future()
        waiters = self._waiting.setdefault(sale_id, set())
        waiters.add(waiter)
        try:
            await waiter
        finally:
            waiters.discard(waiter)
            if not waiters and self._waiting.get(sale_id) is waiters:
                del self._waiting[sale_id]

    def _is_unknown(self, sale: Sale) -> bool:
        """Whether the till sees the sale as unknown."""
        return sale.shown is State.UNKNOWN or self._held(sale.terms.sale_id)
