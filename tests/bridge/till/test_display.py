"""What a cashier reads at each moment: the reason, else what the phone does, else the state."""

from __future__ import annotations

from typing import Any

from receiver import reasons
from receiver.host.display import DISPLAYS
from receiver.host.texts import PHONES, texts
from receiver.link import wire
from simulator.authority import Fault
from tests.support.bridge.device import LINK
from tests.support.shop.refunding import ask, done
from tests.support.shop.till import OVER_LIMIT, World, outcome

Json = dict[str, Any]


def displayed(sale: Json) -> tuple[str, str]:
    return sale["display"]["sv"], sale["display"]["en"]


def of_reason(code: int, *, refund: bool = False) -> tuple[str, str]:
    row = texts(code, refund=refund)
    return row.cashier_sv, row.cashier_en


async def test_a_purchase_from_its_key_to_its_posting(world: World) -> None:
    assert displayed(await world.ring()) == DISPLAYS[False, "open"]
    await world.device.offered()
    async with world.watching() as told:
        world.device.send(wire.PHONE, wire.Phone(b"", LINK, wire.PHONE_NEAR, reasons.OK))
        name = world.hand()
        assert displayed(await told("claimed")) == PHONES["typing"]
        assert displayed(await told("authorised")) == DISPLAYS[False, "authorising"]
    world.device.judge(name)
    assert displayed(await world.sale()) == DISPLAYS[False, "approved"]
    assert displayed(await world.decide("paid")) == DISPLAYS[False, "paid"]


async def test_a_reason_says_more_than_the_state(world: World) -> None:
    async with world.watching() as told:
        await world.bought(amount=OVER_LIMIT)
        assert displayed(await told("mendable")) == of_reason(reasons.PURCHASE_LIMIT)
    cancelled = await world.decide("cancel")
    assert displayed(cancelled) == of_reason(reasons.CASHIER_CANCELLED)


async def test_no_answer_says_what_not_to_do(world: World) -> None:
    world.break_authority(Fault.FAIL)
    await world.unanswered()
    assert displayed(await world.sale(wait=0)) == DISPLAYS[False, "unknown"]


async def test_a_refund_is_called_one(world: World) -> None:
    await world.posted()
    world.break_authority(Fault.FAIL)
    assert displayed(await ask(world)) == DISPLAYS[True, "pending"]
    world.authority.faults.clear()
    assert displayed(await done(world)) == DISPLAYS[True, "refunded"]


async def test_a_refund_that_the_cashier_stops(world: World) -> None:
    await world.posted()
    refund = await ask(world, phone=True)
    assert displayed(refund) == DISPLAYS[True, "open"]
    path = f"/v1/refunds/{refund['refund_id']}/cancel"
    status, stopped = await world.call("POST", path)
    assert (status, outcome(stopped)) == (200, ("cancelled", "cashier_cancelled"))
    assert displayed(stopped) == of_reason(reasons.CASHIER_CANCELLED, refund=True)
