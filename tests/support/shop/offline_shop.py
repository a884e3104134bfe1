"""A till whose bridge may do without the authority, and what it sells so."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from receiver.link import wire
from simulator.authority import Fault
from tests.support.shop.till import AMOUNT, SALE, World
from tests.support.values import evidence

FLOOR = 30_000
LIMITS = {
    "offline_floor": FLOOR,
    "offline_total": 2 * AMOUNT,
    "offline_count": 2,
    "offline_hours": 24,
}
EARLIER = "sale-with-a-right-code"
NEXT = "sale-of-the-next-buyer"


async def allow(world: World) -> None:
    """The authority lets this receiver and this buyer do without it, and so does the bridge."""
    await limit(world, **LIMITS)
    await world.buyer.admin(f"buyers/{world.buyer.id}", offline_floor=FLOOR)
    async with world.bridge():
        await world.posted(EARLIER)  # its code was right, and so the next credential has a floor
    await world.buyer.renew()
    world.config = replace(world.config, offline=True)
    world.device.forget()


async def limit(world: World, **limits: int) -> None:
    await world.buyer.admin(f"receivers/{evidence.RECEIVER_ID.hex()}", **limits)


async def alone(world: World) -> None:
    """The bridge knows what it may do, and the authority is away from here on."""
    await world.device.heard(wire.STATE)
    world.break_authority(Fault.FAIL)


async def sells(world: World, sale_id: str = SALE, **changes: Any) -> dict[str, Any]:
    """A sale at the end of the till's patience."""
    await world.ring_up(sale_id, patience_s=1, **changes)
    await world.pay()
    assert (await world.sale(sale_id))["state"] == "unknown"
    sale: dict[str, Any] = await world.sale(sale_id)
    return sale


def accepted(sale: dict[str, Any]) -> bool:
    """Whether it was approved so, and says so; else nothing is to be paid."""
    if not sale["offline"]:
        assert (sale["state"], sale["reason"]["code"]) == ("cancelled", "reversed")
        return False
    assert (sale["state"], sale["reason"]["code"]) == ("approved", "accepted_offline")
    assert (sale["receipt"], sale["transaction_id"]) == (None, None)
    return True


async def unsent(world: World) -> list[str]:
    """What the bridge says that the authority has not seen."""
    outbox = (await world.call("GET", "/v1/outbox"))[1]
    return [sale["sale_id"] for sale in outbox["unsent"]]
