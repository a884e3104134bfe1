"""The code proof of an approval: needed until its sale is over, and nowhere after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from receiver import reasons
from receiver.encoding import cose
from receiver.link import wire
from receiver.protocol import messages, signed
from simulator.authority import Fault
from tests.support.bridge.journals import raw
from tests.support.shop.till import OVER_LIMIT, SALE, World


def kept(world: World) -> list[bool]:
    """Of each approval that the device handed over: whether its proof is in the journal's files."""
    files = raw(world.config.journal)
    proofs = [
        signed.parse(messages.APPROVAL, data, cose.ALG_ED25519).value.proof
        for data in world.device.handed
    ]
    assert [proof for proof in proofs if proof.hex().encode() in files] == []  # never as text
    return [proof in files for proof in proofs]


async def test_it_is_kept_until_the_sale_is_over(stopped: World) -> None:
    """Through a restart it is sent again, whole, and then erased."""
    async with stopped.bridge():
        sale = await stopped.approved()
    assert kept(stopped) == [True]
    async with stopped.bridge():
        store = stopped.authority.office.store
        store.run("DELETE FROM transactions")
        await stopped.decide("paid")  # unknown there: the record again first
        assert (await stopped.settled())["settlement"] == "posted"
    assert stopped.transactions() == {bytes.fromhex(sale["approval_id"]): "POSTED"}
    assert kept(stopped) == [False]


async def _paid(world: World) -> None:
    await world.posted()


async def _cancelled(world: World) -> None:
    await world.approved()
    await world.decide("cancel")


async def _declined(world: World) -> None:
    await world.ring_up(amount=OVER_LIMIT)
    async with world.watching() as told:
        name = world.hand()
        await told("declined_awaiting_receiver")
        await world.decide("abort")
    world.device.judge(name)


async def _refused_and_paid(world: World) -> None:
    await world.ring_up()
    world.device.judge(world.hand(), reasons.BAD_SIGNATURE)
    await world.device.heard(wire.VERDICT)
    await world.pay()
    await world.sale()
    await world.decide("paid")


async def _mended(world: World) -> None:
    async with world.watching() as told:
        await world.ring_up()
        await world.pay(k=bytes(32))
        await told("mendable")
    await world.decide("cancel")


async def _lost(world: World) -> None:
    sale = await world.approved()
    await world.reverse_behind_its_back(bytes.fromhex(sale["approval_id"]))
    await world.decide("paid")


async def _never_answered(world: World) -> None:
    world.break_authority(Fault.FAIL)
    async with world.watching() as told:
        await world.ring_up()
        await world.pay()
        await told("authority_timeout")
    await world.decide("cancel")
    world.authority.faults.clear()


@pytest.mark.parametrize(
    "comes",
    [_paid, _cancelled, _declined, _refused_and_paid, _mended, _lost, _never_answered],
)
async def test_nothing_of_it_is_left(
    stopped: World, comes: Callable[[World], Awaitable[Any]]
) -> None:
    async with stopped.bridge():
        await comes(stopped)
        await stopped.settled(SALE)
    assert set(kept(stopped)) == {False}
    async with stopped.bridge():
        before = await stopped.sale(wait=0)
        stopped.daemon.service.books._journal.archive(set())
        assert await stopped.sale(wait=0) == before
    assert set(kept(stopped)) == {False}
