"""The journal beside the authority's books, as the till API puts them."""

from __future__ import annotations

from typing import Any

from tests.support.shop.till import TILL, World
from tests.support.values import evidence


async def reconciled(world: World, query: str = "") -> dict[str, Any]:
    """The first receiver's."""
    status, answer = await world.call("GET", f"/v1/reconciliation{query}")
    assert status == 200, answer
    receiver: dict[str, Any] = answer["receivers"][0]
    place = (receiver.pop("till"), receiver.pop("receiver_id"), receiver.pop("configured"))
    assert receiver.pop("acknowledged") == []
    assert place == (TILL, evidence.RECEIVER_ID.hex(), True)
    return receiver
