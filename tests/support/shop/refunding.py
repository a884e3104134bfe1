"""Refunds as a till asks for them."""

from __future__ import annotations

from typing import Any

from tests.support.shop.till import AMOUNT, SALE, World

REFUND = "refund-0123456789ab"
PART = 10_000


async def ask(world: World, **changes: Any) -> dict[str, Any]:
    """A refund that is begun."""
    body = {"refund_id": REFUND, "sale_id": SALE, "amount": AMOUNT} | changes
    status, refund = await world.call("POST", "/v1/refunds", json=body)
    assert status == 201, refund
    return refund


async def offered(world: World, **changes: Any) -> bytes:
    """The offer of a refund that is begun, and that a phone is to approve."""
    await ask(world, phone=True, **changes)
    return await world.device.offered()


async def refused(world: World, **changes: Any) -> tuple[int, str, Any]:
    body = {"refund_id": REFUND, "sale_id": SALE, "amount": AMOUNT} | changes
    return await world.problem("POST", "/v1/refunds", json=body)


async def look(world: World, refund_id: str = REFUND, wait: float = 0) -> dict[str, Any]:
    status, refund = await world.call("GET", f"/v1/refunds/{refund_id}?wait={wait:g}")
    assert status == 200, refund
    return refund


async def done(world: World, refund_id: str = REFUND) -> dict[str, Any]:
    """The refund, once nothing more will happen to it."""
    return await look(world, refund_id, wait=10)


def given_back(world: World, sale: dict[str, Any]) -> int:
    """What the authority's books say was refunded on a purchase."""
    refunded: int = world.authority.office.store.value(
        "SELECT refunded FROM transactions WHERE approval_id = ?",
        bytes.fromhex(sale["approval_id"]),
    )
    return refunded
