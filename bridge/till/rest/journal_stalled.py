"""Requests while the journal accepts no write: how long a till waits, and its answer then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bridge.till.server import problems

from .views import sale_view

if TYPE_CHECKING:
    from bridge.books.commits import Commits
    from bridge.domain.sale import Sale
    from bridge.sales.sale_service import Service

CASHIER_S = 2.0  # most locks are shorter; a cashier who waits longer looks for the fault here


async def over(commits: Commits) -> None:
    """Wait until all that was noted is written; raises ProblemError where that takes too long."""
    if not commits.reason:
        return
    try:
        async with asyncio.timeout(CASHIER_S):
            await commits.over()
    except TimeoutError:
        raise problems.unwritten(commits.reason) from None


async def shown(service: Service, sale: Sale) -> dict[str, Any]:
    """Return the till's view of a sale once all of it is on the disk; raises as `over`."""
    service.show(sale)
    if service.books.is_held(sale):
        await _until_shown(service, sale)
    return sale_view(sale)


async def _until_shown(service: Service, sale: Sale) -> None:
    """Repeat while the notification itself is a write that has to wait."""
    try:
        async with asyncio.timeout(CASHIER_S):
            while service.books.is_held(sale):
                await service.books.commits.over()
                service.show(sale)
    except TimeoutError:
        raise problems.unwritten(service.books.commits.reason) from None
