"""The till API while the journal is incomplete: answers to tills, and sales recovered by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from bridge.till.server.problems import ProblemError

from . import journal_stalled

if TYPE_CHECKING:
    from bridge.domain.sale import Sale
    from bridge.sales.sale_service import Service


_MONEY = ("/v1/sales", "/v1/refunds")
_AGAIN = {"Retry-After": "2"}  # seconds: a recovery takes less, a bridge that is refused far longer


def must_serve(service: Service, request: web.Request) -> None:
    """Answer nothing about sales before the journal is known to be the newest."""
    if request.path.startswith(_MONEY) and not service.serves:
        detail = service.standing.detail or "the bridge is recovering its journal"
        raise ProblemError(503, "recovering", f"{detail}: ask again", headers=_AGAIN)


async def adopt(service: Service, sale_id: str, *, claim: bool) -> None:
    """Look for a sale at the authority; note an unknown one that the till claims as paid."""
    found = await service.loss.adopt(sale_id)
    if found is None and claim:
        service.loss.claim(sale_id, None)
        service.witnesses.decision(sale_id)
        await journal_stalled.over(service.books.commits)


async def brought_back(service: Service, sale_id: str) -> None:
    """Return the purchase of a refund, where the journal may have lost it."""
    if sale_id and not service.standing.is_whole and service.books.find(sale_id) is None:
        await adopt(service, sale_id, claim=False)


async def asked_before(service: Service, name: str, amount: int) -> None:
    """Return what a till asks for again: the journal may have lost it, the authority not.

    Searched only where the recovery found such an amount: all other sales wait for nothing.
    """
    if service.loss.may_have_lost(amount) and service.books.find(name) is None:
        await adopt(service, name, claim=False)


async def reconsidered(service: Service, sale: Sale) -> Sale | None:
    """Reconsider a sale that the till reports as paid but the bridge had ended by itself."""
    paid = await service.loss.reconsider(sale)
    if not paid and not sale.cancelled_by_till:
        service.witnesses.decision(sale.terms.sale_id)
    return paid
