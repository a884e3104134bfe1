"""What the till API does with a request (`bridge.till.rest.app`), at the bridge, without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bridge.domain.till_decisions import Wish
from bridge.sales.orders import ConflictError, Order, RefundOrder
from bridge.till.rest import journal_recovering, journal_stalled
from bridge.till.rest.models import Refund, SaleView
from bridge.till.rest.views import shown_view

if TYPE_CHECKING:
    from bridge.domain.sale import Sale
    from bridge.sales.sale_service import Service

View = SaleView | Refund

WAIT_S = 20.0  # of one GET


class UnknownError(Exception):
    """The bridge has never heard of it."""


async def ring(service: Service, order: Order) -> View:
    return await _begun(service, lambda: service.ring(order))


async def give_back(service: Service, order: RefundOrder) -> View:
    await journal_recovering.brought_back(service, order.sale_id)
    return await _begun(service, lambda: service.refund(order))


async def look(service: Service, sale_id: str) -> View:
    """Wait for news of a sale; raises UnknownError."""
    sale = await _find_or_ask(service, sale_id)
    if service.books.is_nowhere(sale):
        await journal_stalled.over(service.books.commits)
    if not service.books.waiting.is_answered(sale):
        await service.books.waiting.news(sale, WAIT_S)
    service.show(sale)
    return shown_view(service.books, sale)


async def decide(service: Service, sale_id: str, wish: Wish) -> View:
    """Say what becomes of a sale; raises ConflictError and UnknownError."""
    sale = await _find_or_ask(service, sale_id, wish)
    try:
        service.decide(sale, wish)
    except ConflictError as error:
        paid = wish is Wish.PAY and await service.loss.reconsider(sale)
        if not paid:
            await journal_stalled.shown(service, error.sale)
            raise
        sale = paid
    return await journal_stalled.shown(service, sale)


async def _begun(service: Service, begin: Callable[[], tuple[Sale, bool]]) -> View:
    await journal_stalled.over(service.books.commits)
    try:
        sale, _ = begin()
    except ConflictError as error:
        await journal_stalled.shown(service, error.sale)
        raise
    return await journal_stalled.shown(service, sale)


async def _find_or_ask(service: Service, sale_id: str, wish: Wish | None = None) -> Sale:
    sale = service.books.find(sale_id)
    if sale is None and not (wish is None and service.standing.is_whole):
        sale = await service.loss.adopt(sale_id)
        if sale is None and wish is Wish.PAY:
            service.loss.claim(sale_id, None)
            await journal_stalled.over(service.books.commits)
    if sale is None:
        raise UnknownError(sale_id)
    return sale
