"""Waiters for a sale, woken by its events; none polls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from bridge.domain.states import SHOWN_UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from bridge.domain.sale import Sale


class _Waiter(NamedTuple):
    """One wait: its condition, and the future that ends it."""

    so: Callable[[], bool]
    changed: asyncio.Future[None]


class Waiting:
    """Waiters by sale. All waits are bounded, and return whether the condition holds at the end."""

    def __init__(self, held: Container[str]) -> None:
        """`held`: the sales with facts not to show yet (`Commits.held`)."""
        self._held = held
        self._waiting: dict[str, list[_Waiter]] = {}

    def wake(self, sale_id: str) -> None:
        """Wake the waiters of the sale whose condition holds now."""
        for waiter in self._waiting.get(sale_id, ()):
            if not waiter.changed.done() and waiter.so():
                waiter.changed.set_result(None)

    def is_answered(self, sale: Sale) -> bool:
        """Whether the till's wait is over, and the till may see that."""
        return sale.answered and sale.terms.sale_id not in self._held

    async def news(self, sale: Sale, seconds: float) -> bool:
        """Wait until the sale has an answer, or until it changes whether the outcome is unknown."""
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
        if so():
            return True
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self._change(sale.terms.sale_id, so)
                    if so():
                        return True
        except TimeoutError:
            return so()

    async def _change(self, sale_id: str, so: Callable[[], bool]) -> None:
        waiter = _Waiter(so, asyncio.get_running_loop().create_future())
        waiters = self._waiting.setdefault(sale_id, [])
        waiters.append(waiter)
        try:
            await waiter.changed
        finally:
            waiters.remove(waiter)
            if not waiters:
                del self._waiting[sale_id]

    def _is_unknown(self, sale: Sale) -> bool:
        """Whether the till sees the sale as unknown."""
        return sale.state in SHOWN_UNKNOWN or sale.terms.sale_id in self._held
