"""Tills after a journal was restored: each repeats its decisions since the copy.

These are stored nowhere else: a lost sale is recovered so, or named as a liability.
"""

from __future__ import annotations

import asyncio

from simulator.world.till import TillError

from .retried_calls import UNKNOWN_SALE, Asking
from .till_disk import PAID, REFUNDED, Books, Kept, KeptRefund


class Again:
    """All tills of a shop, in parallel; the refunds after their sales."""

    def __init__(self, books: Books, asking: Asking) -> None:
        self._books = books
        self._asking = asking

    async def since(self, ns: int) -> None:
        """Repeat all that ended later than that (nanoseconds since 1970)."""
        sales = self._books.sales_since(ns)
        tills = {sale.till for sale in sales}
        await asyncio.gather(
            *(self._till([sale for sale in sales if sale.till == till]) for till in tills)
        )
        for refund in self._books.refunds_since(ns):
            await self._refund(refund)

    async def _till(self, sales: list[Kept]) -> None:
        for kept in sales:
            await self._sale(kept)

    async def _sale(self, kept: Kept) -> None:
        """Repeat a sale's decision; note forbidden answers. The books are compared at the end."""
        paid, sale_id = kept.ended == PAID, kept.sale_id
        try:
            sale = await self._asking.stands(
                lambda till: till.paid(sale_id) if paid else till.cancel(sale_id)
            )
        except TillError as error:
            if error.kind != UNKNOWN_SALE:
                self._books.complain(sale_id, f"said again: {error}")
            return
        if sale["state"] == "paid" and not paid:
            self._books.complain(sale_id, "paid, and its till says again that it is not")

    async def _refund(self, kept: KeptRefund) -> None:
        """Repeat a refund without a phone; only look for one by phone."""
        asked = {"refund_id": kept.refund_id, "sale_id": kept.sale_id}
        done = kept.ended == REFUNDED
        if not done and not kept.phone:
            return
        try:
            if not done:
                await self._asking.stands(lambda till: till.abort_refund(kept.refund_id))
            elif kept.phone:
                await self._asking.ask(lambda till: till.refund_status(kept.refund_id))
            else:
                await self._asking.stands(lambda till: till.refund(kept.amount, **asked))
        except TillError as error:
            if done or error.kind != UNKNOWN_SALE:
                self._books.complain(kept.sale_id, f"refund said again: {error}")
