"""A reversal that meets a posting: whose word it was decides what becomes of the money."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from bridge.authority import retry
from bridge.authority.client import Refunded, UnansweredError
from bridge.domain import alarms
from bridge.domain.held import AuthorityTransaction, HoldState
from bridge.domain.sale import Sale
from bridge.domain.states import Event, State
from receiver import reasons
from receiver.protocol import messages
from tests.support.bridge.device import PATIENCE_S
from tests.support.bridge.outbox import EARLIER, NAME, TERMS, TRANSACTION, World
from tests.support.values.evidence import SEK

BACK = b"b" * 16  # the refund's transaction


def posted(name: bytes = NAME) -> AuthorityTransaction:
    names = (name, TERMS.receiver_id, HoldState.POSTED, False)
    return AuthorityTransaction(
        *names, TERMS.amount, SEK, TRANSACTION, TERMS.reference, TERMS.till, 0
    )


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(retry, "FIRST_S", 0)
    one = World()
    one.authority.answers["reverse"] = ["POSTED"]
    one.authority.answers["transaction"] = [UnansweredError("away"), posted()]
    one.authority.answers["refund"] = [Refunded(BACK, reasons.OK)]
    running = asyncio.create_task(one.outbox.run())
    yield one
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.mark.parametrize(
    "reason",
    [reasons.BRIDGE_RESTARTED, reasons.REVERSED, reasons.NOT_TOLD, reasons.VERDICT_TIMEOUT],
)
async def test_what_the_bridge_cancelled_is_paid(world: World, reason: int) -> None:
    sale = world.sale(State.REVERSING, owed=(NAME,), reason=reason)
    await world.settled(sale)
    assert world.events() == [(Event.PAID_AFTER_ALL, reasons.PAID_AFTER_ALL)]
    assert (sale.state, sale.transaction_id) == (State.POSTED, TRANSACTION)
    assert [alarm.kind for alarm in world.books.alarms] == [alarms.PAID_AFTER_ALL]
    assert "refund" not in world.authority.asked


async def test_what_the_till_cancelled_is_refunded_in_full(world: World) -> None:
    sale = world.sale(State.REVERSING, owed=(NAME,), reason=reasons.CASHIER_CANCELLED)
    await world.settled(sale)
    [refund] = [one for one in world.books.sales.values() if one.is_refund]
    assert await world.books.waiting.final(refund, PATIENCE_S)
    assert (sale.state, sale.reason) == (State.CANCELLED, reasons.CASHIER_CANCELLED)
    assert sale.refunded_in_full
    assert (refund.state, refund.terms.original) == (State.POSTED, TRANSACTION)
    assert (refund.terms.amount, refund.terms.currency) == (TERMS.amount, SEK)
    assert [alarm.kind for alarm in world.books.alarms] == [alarms.REFUND_OWED]
    assert world.outbox.depth() == 0


async def test_a_recalled_approval_that_was_posted(world: World) -> None:
    """The sale went on without it: whatever becomes of the sale, this money goes back."""
    sale = world.sale(State.POSTED, owed=(EARLIER,))
    world.authority.answers["transaction"] = [posted(EARLIER)]
    await world.settled(sale)
    [refund] = [one for one in world.books.sales.values() if one.is_refund]
    assert await world.books.waiting.final(refund, PATIENCE_S)
    assert (sale.state, sale.owed) == (State.POSTED, ())
    assert [alarm.approval_id for alarm in world.books.alarms] == [EARLIER]


@pytest.mark.parametrize("reason", [reasons.CASHIER_CANCELLED, reasons.BRIDGE_RESTARTED])
async def test_a_refund_that_was_posted_stands(world: World, reason: int) -> None:
    """The buyer has the money back, whoever gave the refund up: that is said, and not undone."""
    sale = world.sale(State.REVERSING, owed=(NAME,), reason=reason)
    sale.terms = sale.terms._replace(kind=messages.REFUND)
    await world.settled(sale)
    assert sale.state is State.POSTED
    assert [one for one in world.books.sales.values() if one is not sale] == []


async def test_the_refund_has_one_name_however_often_it_is_made(world: World) -> None:
    names = set()
    for sale_id in (TERMS.sale_id, "sale-0123456789ac"):
        sale: Sale = world.sale(
            State.REVERSING, sale_id, owed=(NAME,), reason=reasons.CASHIER_CANCELLED
        )
        world.authority.answers["transaction"] = [posted()]
        await world.settled(sale)
        names |= {one.approval_id for one in world.books.sales.values() if one.is_refund}
    assert len(names) == 1
