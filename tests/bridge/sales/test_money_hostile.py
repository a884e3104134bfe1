"""Receivers that lie or keep approvals back, up to what is paid and posted: to no avail."""

from __future__ import annotations

import time

import pytest

from receiver import reasons
from receiver.link import wire
from receiver.protocol import messages, signed
from tests.support.shop.money import Paper, ends, sells
from tests.support.shop.till import AMOUNT, SALE, TILL, World
from tests.support.values import evidence

NEXT, THIRD = "sale-of-the-next-buyer", "sale-of-the-third-buyer"


class KeptBack:
    """An approval that the buyer gave and that the receiver did not pass on, with its offer."""

    def __init__(self, world: World, offer: bytes) -> None:
        self.offer = offer
        self.approval = world.buyer.approve(self.offer)
        self.name = world.buyer.name(self.offer, self.approval)

    def present(self, world: World) -> None:
        """Now, with all that goes with it, and a word for it."""
        device = world.device
        shown, device.offer = device.offer, self.offer
        device.present(world.buyer.credential)
        device.approve(self.approval)
        device.judge(self.name)
        device.offer = shown

    async def is_refused(self, world: World) -> None:
        """Presented now, the bridge says no, and the authority has never heard of it."""
        self.present(world)
        assert (await world.device.heard(wire.VERDICT)).reason == reasons.WRONG_SESSION
        assert self.name not in world.transactions()


async def kept_back(world: World) -> KeptBack:
    """Of a sale that is rung up."""
    return KeptBack(world, await world.ring_up())


# An approval that is kept back.


async def test_presented_when_the_sale_is_cancelled(paper: Paper, world: World) -> None:
    kept = await kept_back(world)
    await ends(world, paper, "cancel")
    await kept.is_refused(world)
    await sells(world, paper, NEXT)


async def test_presented_when_the_next_sale_is_open(paper: Paper, world: World) -> None:
    """Of the same amount; first as it is, then as if it were for the offer at hand."""
    kept = await kept_back(world)
    await ends(world, paper, "cancel")
    await world.ring_up(NEXT)
    await kept.is_refused(world)
    async with world.watching() as told:
        world.device.present(world.buyer.credential)
        world.device.approve(kept.approval)
        assert (await told("refused"))["reason"]["code"] == "bad_signature"
    assert world.transactions() == {}
    await world.goes_through(NEXT)
    await ends(world, paper, "paid", NEXT)


@pytest.mark.parametrize("wish", ["paid", "cancel"])
async def test_presented_when_another_has_paid(stopped: World, paper: Paper, wish: str) -> None:
    """Two buyers approved one offer: one is asked about, whenever the other's comes."""
    async with stopped.bridge():
        await stopped.device.heard(wire.STATE)  # once in each life of the bridge
        kept = await kept_back(stopped)
        name = await stopped.pay()
        assert (await stopped.sale())["approval_id"] == name.hex()
        kept.present(stopped)
        await ends(stopped, paper, wish)
        kept.present(stopped)
        await sells(stopped, paper, NEXT)
        assert kept.name not in stopped.transactions()
    async with stopped.bridge():
        await stopped.device.heard(wire.STATE)
        await kept.is_refused(stopped)
        await sells(stopped, paper, THIRD)


async def test_presented_with_its_session_after_a_restart(stopped: World, paper: Paper) -> None:
    """The receiver says that the offer of the sale before is still open."""
    async with stopped.bridge():
        kept = await kept_back(stopped)
    async with stopped.bridge():
        assert (await ends(stopped, paper))["reason"]["code"] == "bridge_restarted"
        await stopped.device.heard(wire.CANCEL)
        await kept.is_refused(stopped)
        await sells(stopped, paper, NEXT)


# A word that is a lie.


async def test_refused_and_then_verified_after_all(stopped: World, paper: Paper) -> None:
    """What was given back stays so; the buyer pays once, by another approval."""
    async with stopped.bridge(), stopped.watching() as told:
        first = await stopped.handed()
        await told("authorised")
        stopped.device.judge(first, reasons.BAD_SIGNATURE)
        await told("recall_reversed")
        stopped.device.judge(first)
        second = await stopped.pay()
        stopped.device.judge(first)
        assert (await stopped.sale())["approval_id"] == second.hex()
        await ends(stopped, paper, "paid")
        assert stopped.transactions() == {first: "VOIDED", second: "POSTED"}


async def test_verified_and_then_refused_after_all(paper: Paper, world: World) -> None:
    """What the till was told, no receiver takes back."""
    approved = await world.approved()
    world.device.judge(bytes.fromhex(approved["approval_id"]), reasons.BAD_SIGNATURE)
    await ends(world, paper, "paid")
    await sells(world, paper, NEXT)


async def test_verified_before_there_was_anything_to_verify(paper: Paper, world: World) -> None:
    kept = await kept_back(world)
    world.device.judge(kept.name)
    assert (await world.sale(wait=0))["state"] == "open"
    kept.present(world)
    await world.sale()
    await ends(world, paper, "paid")
    assert world.transactions() == {kept.name: "POSTED"}


# An offer that is a lie.


@pytest.mark.parametrize(
    "lies",
    [
        {"amount": AMOUNT - 1},
        {"amount": AMOUNT + 1},
        {"reference": bytes(messages.REFERENCE_SIZE)},
        {"till": TILL + 1},
        {"kind": messages.REFUND, "original": bytes(16)},
    ],
    ids=["less", "more", "reference", "till", "refund"],
)
async def test_another_offer_than_the_till_asked_for(
    paper: Paper, world: World, lies: dict[str, int | bytes]
) -> None:
    """And a buyer who approves it: the approval is worth nothing, now or later."""
    device = world.device
    device.lies = lies
    await world.ring()
    order = await device.heard(wire.OPEN)
    asked = {"amount": order.amount, "till": order.till, "reference": order.reference}
    now = int(time.time())
    offer = evidence.offer(device.seed, device.certificate, now, **{**asked, **lies})
    kept = KeptBack(world, offer)
    kept.present(world)
    assert (await ends(world, paper))["reason"]["code"] == "receiver_untrusted"
    device.lies = {}
    await sells(world, paper, NEXT)
    kept.present(world)
    await sells(world, paper, THIRD)
    assert kept.name not in world.transactions()


@pytest.mark.parametrize("amount", [1, AMOUNT * 10])
async def test_two_faces(paper: Paper, world: World, amount: int) -> None:
    """One offer for the bridge, and one over another amount, the rest the same, for the phone."""
    await world.ring()
    said = signed.parse(messages.OFFER, await world.device.offered()).value._asdict()
    device = world.device
    said["amount"], issued = amount, said.pop("issued")
    kept = KeptBack(world, evidence.offer(device.seed, device.certificate, issued, **said))
    async with world.watching() as told:
        device.present(world.buyer.credential)
        device.approve(kept.approval)
        device.judge(kept.name)
        await told("refused")
    assert world.transactions() == {}
    await world.pay()
    await world.sale()
    await ends(world, paper, "paid")


async def test_one_number_for_every_offer(paper: Paper, world: World) -> None:
    """The authority holds one purchase for each number; what is declined costs nobody anything."""
    world.device.lies = {"sequence": 7}
    await sells(world, paper, SALE)
    await world.bought(NEXT)
    assert (await ends(world, paper, sale_id=NEXT))["reason"]["code"] == "conflict"
    world.device.lies = {}
    await sells(world, paper, THIRD)
