"""Requests while the journal accepts no write: how long a till waits, and its answer then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from bridge.till.server import problems

from .views import sale_view

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from bridge.books.commits import Commits
    from bridge.domain.sale import Sale
    from bridge.sales.sale_service import Service

    from .models import Refund, SaleView

CASHIER_S = 2.0  # most locks are shorter; a cashier who waits longer looks for the fault here


async def over(commits: Commits) -> None:
    """Wait until all that was noted is written; raises ProblemError where that takes too long."""
    if commits.reason:
        await _briefly(commits, commits.over())


async def shown(service: Service, sale: Sale) -> SaleView | Refund:
    """Return the till's view of a sale once all of it is on the disk; raises as `over`."""
    service.show(sale)
    if service.books.is_held(sale):
        await _briefly(service.books.commits, _until_shown(service, sale))
    return sale_view(sale)


async def _until_shown(service: Service, sale: Sale) -> None:
    """Repeat while the notification itself is a write that has to wait."""
    while service.books.is_held(sale):
        await service.books.commits.over()
        service.show(sale)


async def _briefly(commits: Commits, waiting: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(CASHIER_S):
            await waiting
    except TimeoutError:
        raise problems.unwritten(commits.reason) from None
