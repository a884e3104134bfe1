"""Not accepted without the authority: every limit, and what is never sold so."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from receiver.link import wire
from receiver.protocol import messages, signed
from simulator.authority import Fault
from tests.support.shop.offline_shop import EARLIER, LIMITS, NEXT, accepted, alone, limit, sells
from tests.support.shop.till import AMOUNT, World


async def test_off_unless_the_bridge_is_set_up_for_it(allowed: World) -> None:
    allowed.config = replace(allowed.config, offline=False)
    async with allowed.bridge():
        await alone(allowed)
        assert not accepted(await sells(allowed))


@pytest.mark.parametrize(
    "limits",
    [
        {"offline_floor": AMOUNT - 1},
        {"offline_total": AMOUNT - 1},
        {"offline_count": 0},
        {"offline_hours": 0},
        dict.fromkeys(LIMITS, 0),
    ],
)
async def test_over_a_limit_of_the_authority(allowed: World, limits: dict[str, int]) -> None:
    await limit(allowed, **limits)
    async with allowed.bridge():
        await alone(allowed)
        assert not accepted(await sells(allowed))


async def test_over_the_floor_of_the_credential(allowed: World) -> None:
    await allowed.buyer.admin(f"buyers/{allowed.buyer.id}", offline_floor=AMOUNT - 1)
    await allowed.buyer.renew()
    async with allowed.bridge():
        await alone(allowed)
        assert not accepted(await sells(allowed))


async def test_a_revoked_credential(allowed: World) -> None:
    id_ = signed.parse(messages.CREDENTIAL, allowed.buyer.credential).value.id
    await allowed.buyer.admin(f"credentials/{id_.hex()}", revoked=True)
    async with allowed.bridge():
        await alone(allowed)
        assert not accepted(await sells(allowed))


@pytest.mark.parametrize("over", [{"offline_total": 2 * AMOUNT - 1}, {"offline_count": 1}])
async def test_over_what_stands_on_it_already(allowed: World, over: dict[str, int]) -> None:
    """Counted from the journal, so that no restart forgets it; what was sent counts no more."""
    await limit(allowed, **over)
    async with allowed.bridge():
        await alone(allowed)
        assert accepted(await sells(allowed))
        await allowed.decide("paid")
    allowed.break_authority(Fault.FAIL, "/v1/authorisations")  # but for its state
    async with allowed.bridge():
        await allowed.device.heard(wire.STATE)
        assert not accepted(await sells(allowed, NEXT))
        allowed.authority.faults.clear()
        await allowed.settled()
        allowed.break_authority(Fault.FAIL)
        assert accepted(await sells(allowed, "sale-after-the-upload"))


async def test_a_decline_is_never_overruled(shop: World) -> None:
    """Who was heard to say no is not away."""
    shop.authority.faults.clear()
    await shop.buyer.admin(f"recipients/{shop.buyer.recipient}", credit_space=0)
    async with shop.watching() as told:
        await shop.ring(patience_s=1)
        await shop.device.offered()
        shop.hand()
        await told("declined_awaiting_receiver")
        shop.break_authority(Fault.FAIL)
        denied = await told("declined")
    assert (denied["state"], denied["reason"]["code"]) == ("declined", "credit_space")


async def test_without_the_receivers_verdict(shop: World) -> None:
    await shop.ring(patience_s=1)
    await shop.device.offered()
    shop.hand()
    assert (await shop.sale())["state"] == "unknown"
    assert not accepted(await shop.sale())


async def test_no_refund(shop: World) -> None:
    """The buyer's phone can wait for money that comes back."""
    body = {"refund_id": "refund-0123456789ab", "sale_id": EARLIER, "amount": 100}
    status, _ = await shop.call("POST", "/v1/refunds", json=body | {"phone": True, "patience_s": 1})
    assert status == 201
    await shop.device.offered()
    await shop.pay()
    async with shop.watching() as told:
        refund = await told("reversal_owed")
    assert (refund["state"], refund["reason"]["code"]) == ("cancelled", "reversed")
