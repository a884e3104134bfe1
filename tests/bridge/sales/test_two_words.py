"""The authority's word and the receiver's, in whatever order they come, or do not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from bridge.authority import retry
from bridge.domain import approval_attempt
from bridge.sales import authorisation, sale_service
from receiver import reasons
from receiver.link import wire
from receiver.protocol import identifiers
from simulator.authority import Fault
from tests.support.shop.till import OVER_LIMIT, TILL, World, outcome


async def test_the_receipt_first_tells_nothing(world: World) -> None:
    async with world.watching() as told:
        offer = await world.ring_up()
        name = world.hand()
        granted = await told("authorised")
        assert (granted["state"], granted["approval_id"]) == ("authorising", name.hex())
        assert (granted["transaction_id"], granted["receipt"]) == (None, None)
        assert await world.sale(wait=0) == granted
        world.device.judge(name)
        sale = await world.sale()
        assert (sale["state"], bool(sale["transaction_id"])) == ("approved", True)
        result = await world.device.heard(wire.RESULT)
        assert result.session == identifiers.session_id(offer)


async def test_the_verdict_first(world: World) -> None:
    world.break_authority(Fault.FAIL, "/v1/authorisations")
    async with world.watching() as told:
        name = await world.handed()
        assert (await told("authority_timeout"))["state"] == "unknown"
        world.device.judge(name)
        assert (await told("verified"))["state"] == "unknown"
        world.authority.faults.clear()
        assert (await world.sale())["state"] == "approved"
    assert world.transactions() == {name: "PENDING"}


async def test_a_refusal_after_the_receipt_and_another_pays(world: World) -> None:
    async with world.watching() as told:
        first = await world.handed()
        await told("authorised")
        world.device.judge(first, reasons.BAD_SIGNATURE)
        refused = await told("recalled")
        assert outcome(refused) == ("open", "bad_signature")
        assert (refused["approval_id"], refused["transaction_id"]) == (None, None)
        word = await world.device.heard(wire.VERDICT)
        assert (word.approval_id, word.reason) == (first, reasons.BAD_SIGNATURE)
        second = await world.pay()
        sale = await world.sale()
    assert (sale["state"], sale["approval_id"]) == ("approved", second.hex())
    assert world.transactions() == {first: "VOIDED", second: "PENDING"}


async def test_a_refusal_before_the_receipt_and_another_pays(world: World) -> None:
    world.break_authority(Fault.SILENT, "/v1/authorisations", times=1)
    first = await world.handed()
    world.device.judge(first, reasons.BAD_SIGNATURE)
    await world.device.heard(wire.VERDICT)
    second = await world.pay()
    assert (await world.sale())["approval_id"] == second.hex()
    assert world.transactions() == {first: "VOIDED", second: "PENDING"}


async def test_the_next_approval_waits_for_the_reversal_of_the_one_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the authority would see two holds for one sale, and decline for good."""
    monkeypatch.setattr(authorisation, "CLEARED_S", 0.1)
    monkeypatch.setattr(retry, "FIRST_S", 0.1)
    async with world.watching() as told:
        first = await world.handed()
        await told("authorised")
        world.break_authority(Fault.FAIL, "/v1/reversals")
        world.device.judge(first, reasons.BAD_SIGNATURE)
        await told("recalled")
        second = await world.pay()
        assert (await told("authority_timeout"))["state"] == "unknown"
        assert world.transactions() == {first: "PENDING"}
        world.authority.faults.clear()
        await told("recall_reversed")
        assert (await world.sale())["state"] == "approved"
    assert world.transactions() == {first: "VOIDED", second: "PENDING"}


async def test_no_verdict_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approval_attempt, "VERDICT_MS", 100)
    async with world.watching() as told:
        first = await world.handed()
        assert (await told("recalled"))["reason"]["code"] == "verdict_timeout"
        word = await world.device.heard(wire.VERDICT)
        assert (word.approval_id, word.reason) == (first, reasons.VERDICT_TIMEOUT)
        world.device.judge(first)
        await told("recall_reversed")
    assert world.transactions() == {first: "VOIDED"}
    assert (await world.sale(wait=0))["state"] == "open"
    second = await world.pay()
    assert (await world.sale())["approval_id"] == second.hex()


async def test_the_receiver_resets_between_receipt_and_verdict(world: World) -> None:
    async with world.watching() as told:
        first = await world.handed()
        await told("authorised")
        world.device.reboot()
        assert (await told("recalled"))["reason"]["code"] == "receiver_offline"
    await world.device.offered()
    second = await world.pay()
    assert (await world.sale())["approval_id"] == second.hex()
    assert world.transactions() == {first: "VOIDED", second: "PENDING"}


async def test_a_decline_first_tells_nothing(world: World) -> None:
    """As with a receipt: whoever listens or looks cannot tell a no from a yes."""
    async with world.watching() as told:
        offer = await world.ring_up(amount=OVER_LIMIT)
        name = world.hand()
        withheld = await told("declined_awaiting_receiver")
        assert (withheld["state"], withheld["approval_id"]) == ("authorising", name.hex())
        assert (withheld["reason"], withheld["receipt"]) == (None, None)
        assert await world.sale(wait=0) == withheld
        world.device.judge(name)
        assert (await told("mendable"))["reason"]["code"] == "purchase_limit"
        result = await world.device.heard(wire.RESULT)
        assert result.session == identifiers.session_id(offer)
        await world.device.offered()


async def _refuses(world: World, name: bytes) -> None:
    world.device.judge(name, reasons.BAD_SIGNATURE)


async def _is_silent(world: World, name: bytes) -> None:
    """For 5 s, here one."""


async def _resets(world: World, name: bytes) -> None:
    world.device.reboot()


@pytest.mark.parametrize(
    ("does", "counted"),
    [
        (_refuses, reasons.BAD_SIGNATURE),
        (_is_silent, reasons.VERDICT_TIMEOUT),
        (_resets, reasons.RECEIVER_OFFLINE),
    ],
)
async def test_a_decline_stands_whatever_the_receiver_does(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    does: Callable[[World, bytes], Awaitable[None]],
    counted: int,
) -> None:
    monkeypatch.setattr(approval_attempt, "VERDICT_MS", 1_000 if does is _is_silent else 5_000)
    async with world.watching() as told:
        old = await world.ring_up(amount=OVER_LIMIT)
        first = world.hand()
        await told("declined_awaiting_receiver")
        await does(world, first)
        assert (await told("mendable"))["state"] == "open"
        await world.device.offered()
        world.device.judge(first, offer=old)  # late, or said again
        await world.buyer.raise_limit(OVER_LIMIT)
        monkeypatch.undo()
        second = await world.pay()
        assert (await world.sale())["approval_id"] == second.hex()
    assert world.transactions() == {first: "DECLINED", second: "PENDING"}
    assert world.daemon.service.sessions[TILL].refusals == {counted: 1}


async def test_patience_ends_between_decline_and_verdict(world: World) -> None:
    async with world.watching() as told:
        name = await world.handed(amount=OVER_LIMIT, patience_s=1)
        await told("declined_awaiting_receiver")
        sale = await world.sale()
    assert outcome(sale) == ("declined", "purchase_limit")
    await world.device.heard(wire.RESULT)
    assert world.transactions() == {name: "DECLINED"}


async def test_the_bridge_restarts_between_decline_and_verdict(stopped: World) -> None:
    async with stopped.bridge():
        name = await stopped.once_told(
            "declined_awaiting_receiver", stopped.handed(amount=OVER_LIMIT)
        )
    async with stopped.bridge():
        sale = await stopped.sale(wait=0)
        assert outcome(sale) == ("declined", "purchase_limit")
        assert sale["receipt"]
        await stopped.device.heard(wire.CANCEL)
    assert stopped.transactions() == {name: "DECLINED"}


async def test_patience_ends_between_receipt_and_verdict(world: World) -> None:
    async with world.watching() as told:
        name = await world.handed(patience_s=1)
        await told("authorised")
        owed = await told("reversal_owed")
        assert (owed["state"], owed["settlement"]) == ("cancelled", "reversing")
        assert await told("reversed") == owed | {"settlement": "reversed"}
        sale = await world.sale()
    assert outcome(sale) == ("cancelled", "verdict_timeout")
    assert (sale["transaction_id"], sale["receipt"]) == (None, None)
    assert world.transactions() == {name: "VOIDED"}


async def test_the_bridge_restarts_between_receipt_and_verdict(stopped: World) -> None:
    async with stopped.bridge():
        name = await stopped.once_told("authorised", stopped.handed())
    async with stopped.bridge():
        await stopped.is_reversed("bridge_restarted")
    assert stopped.transactions() == {name: "VOIDED"}


async def test_the_bridge_restarts_with_a_recalled_approval(
    stopped: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sale ends once the authority had its time to speak, and its reversal is owed on."""
    monkeypatch.setattr(sale_service, "STANDING_S", 0)
    async with stopped.bridge(), stopped.watching() as told:
        name = await stopped.handed()
        await told("authorised")
        stopped.authority.faults.fault = Fault.FAIL
        stopped.device.judge(name, reasons.BAD_SIGNATURE)
        await told("recalled")
    async with stopped.bridge(), stopped.watching() as told:
        sale = await stopped.sale()
        assert outcome(sale) == ("cancelled", "bridge_restarted")
        stopped.authority.faults.clear()
        assert await told("recall_reversed") == sale | {"settlement": "reversed"}
    assert stopped.transactions() == {name: "VOIDED"}
