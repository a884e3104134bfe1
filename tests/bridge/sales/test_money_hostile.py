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

    def __init__(self, world: World, offer: bytes = b"") -> None:
        self.offer = offer or world.device.offer
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


async def refused(world: World, kept: KeptBack) -> None:
    """The bridge says no, and the authority has never heard of it."""
    verdict = await world.device.heard(wire.VERDICT)
    assert verdict.reason == reasons.WRONG_SESSION
    assert kept.name not in world.transactions()


# An approval that is kept back.


async def test_presented_when_the_sale_is_cancelled(stopped: World, paper: Paper) -> None:
    async with stopped.bridge():
        await stopped.ring_up()
        kept = KeptBack(stopped)
        await ends(stopped, paper, "cancel")
        kept.present(stopped)
        await refused(stopped, kept)
        await sells(stopped, paper, NEXT)


async def test_presented_when_the_next_sale_is_open(stopped: World, paper: Paper) -> None:
    """Of the same amount; first as it is, then as if it were for the offer at hand."""
    async with stopped.bridge():
        await stopped.ring_up()
        kept = KeptBack(stopped)
        await ends(stopped, paper, "cancel")
        await stopped.ring_up(NEXT)
        kept.present(stopped)
        await refused(stopped, kept)
        async with stopped.watching() as told:
            stopped.device.present(stopped.buyer.credential)
            stopped.device.approve(kept.approval)
            assert (await told("refused"))["reason"]["code"] == "bad_signature"
        assert stopped.transactions() == {}
        await stopped.pay()
        assert (await stopped.sale(NEXT))["state"] == "approved"
        await ends(stopped, paper, "paid", NEXT)


@pytest.mark.parametrize("wish", ["paid", "cancel"])
async def test_presented_when_another_has_paid(stopped: World, paper: Paper, wish: str) -> None:
    """Two buyers approved one offer: one is asked about, whenever the other's comes."""
    async with stopped.bridge():
        await stopped.device.heard(wire.STATE)  # once in each life of the bridge
        await stopped.ring_up()
        kept = KeptBack(stopped)
        name = await stopped.pay()
        assert (await stopped.sale())["approval_id"] == name.hex()
        kept.present(stopped)
        await ends(stopped, paper, wish)
        kept.present(stopped)
        await sells(stopped, paper, NEXT)
        assert kept.name not in stopped.transactions()
    async with stopped.bridge():
        await stopped.device.heard(wire.STATE)
        kept.present(stopped)
        await refused(stopped, kept)
        await sells(stopped, paper, THIRD)


async def test_presented_with_its_session_after_a_restart(stopped: World, paper: Paper) -> None:
    """The receiver says that the offer of the sale before is still open."""
    async with stopped.bridge():
        await stopped.ring_up()
        kept = KeptBack(stopped)
    async with stopped.bridge():
        assert (await ends(stopped, paper))["reason"]["code"] == "bridge_restarted"
        await stopped.device.heard(wire.CANCEL)
        kept.present(stopped)
        await refused(stopped, kept)
        await sells(stopped, paper, NEXT)


# A word that is a lie.


async def test_refused_and_then_verified_after_all(stopped: World, paper: Paper) -> None:
    """What was given back stays so; the buyer pays once, by another approval."""
    async with stopped.bridge(), stopped.watching() as told:
        await stopped.ring_up()
        first = stopped.hand()
        await told("authorised")
        stopped.device.judge(first, reasons.BAD_SIGNATURE)
        await told("recall_reversed")
        stopped.device.judge(first)
        second = await stopped.pay()
        stopped.device.judge(first)
        assert (await stopped.sale())["approval_id"] == second.hex()
        await ends(stopped, paper, "paid")
        assert stopped.transactions() == {first: "VOIDED", second: "POSTED"}


async def test_verified_and_then_refused_after_all(stopped: World, paper: Paper) -> None:
    """What the till was told, no receiver takes back."""
    async with stopped.bridge():
        approved = await stopped.approved()
        stopped.device.judge(bytes.fromhex(approved["approval_id"]), reasons.BAD_SIGNATURE)
        await ends(stopped, paper, "paid")
        await sells(stopped, paper, NEXT)


async def test_verified_before_there_was_anything_to_verify(stopped: World, paper: Paper) -> None:
    async with stopped.bridge():
        await stopped.ring_up()
        kept = KeptBack(stopped)
        stopped.device.judge(kept.name)
        assert (await stopped.sale(wait=0))["state"] == "open"
        kept.present(stopped)
        await stopped.sale()
        await ends(stopped, paper, "paid")
        assert stopped.transactions() == {kept.name: "POSTED"}


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
    stopped: World, paper: Paper, lies: dict[str, int | bytes]
) -> None:
    """And a buyer who approves it: the approval is worth nothing, now or later."""
    async with stopped.bridge():
        device = stopped.device
        device.lies = lies
        await stopped.ring()
        order = await device.heard(wire.OPEN)
        asked = {"amount": order.amount, "till": order.till, "reference": order.reference}
        now = int(time.time())
        offer = evidence.offer(device.seed, device.certificate, now, **{**asked, **lies})
        kept = KeptBack(stopped, offer)
        kept.present(stopped)
        assert (await ends(stopped, paper))["reason"]["code"] == "receiver_untrusted"
        device.lies = {}
        await sells(stopped, paper, NEXT)
        kept.present(stopped)
        await sells(stopped, paper, THIRD)
        assert kept.name not in stopped.transactions()


@pytest.mark.parametrize("amount", [1, AMOUNT * 10])
async def test_two_faces(stopped: World, paper: Paper, amount: int) -> None:
    """One offer for the bridge, and one over another amount, the rest the same, for the phone."""
    async with stopped.bridge():
        await stopped.ring()
        said = signed.parse(messages.OFFER, await stopped.device.offered()).value._asdict()
        device = stopped.device
        said["amount"], issued = amount, said.pop("issued")
        kept = KeptBack(stopped, evidence.offer(device.seed, device.certificate, issued, **said))
        async with stopped.watching() as told:
            device.present(stopped.buyer.credential)
            device.approve(kept.approval)
            device.judge(kept.name)
            await told("refused")
        assert stopped.transactions() == {}
        await stopped.pay()
        await stopped.sale()
        await ends(stopped, paper, "paid")


async def test_one_number_for_every_offer(stopped: World, paper: Paper) -> None:
    """The authority holds one purchase for each number; what is declined costs nobody anything."""
    async with stopped.bridge():
        stopped.device.lies = {"sequence": 7}
        await sells(stopped, paper, SALE)
        await stopped.ring_up(NEXT)
        await stopped.pay()
        assert (await ends(stopped, paper, sale_id=NEXT))["reason"]["code"] == "conflict"
        stopped.device.lies = {}
        await sells(stopped, paper, THIRD)
