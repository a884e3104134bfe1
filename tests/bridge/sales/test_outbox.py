"""The outbox's lanes against a scripted authority: what settles them, and what never does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.authority import retry
from bridge.authority.client import Refunded, RefusedError, UnansweredError
from bridge.domain.sale import Sale
from bridge.domain.states import Event, State
from bridge.journal import ArchiveError
from bridge.sales import outbox
from receiver import reasons
from receiver.errors import Error
from receiver.protocol import messages
from tests.support.bridge.device import PATIENCE_S
from tests.support.bridge.outbox import EARLIER, NAME, TERMS, TRANSACTION, World

UNKNOWN = RefusedError(reasons.APPROVAL_UNKNOWN, "no such approval", said=True)
AWAY = UnansweredError("the authority is away")
GIVEN = (Event.RECALL_REVERSED, reasons.REVERSED)
FAILURES = (AWAY, RefusedError(reasons.RECEIVER_UNTRUSTED, "status 400"), "PENDING", "SOMETHING")


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setattr(retry, "FIRST_S", 0)
    one = World()
    running = asyncio.create_task(one.outbox.run())
    yield one
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


# Reversals


@pytest.mark.parametrize("left", ["VOIDED", "DECLINED"])
async def test_what_is_given_back(world: World, left: str) -> None:
    sale = world.sale(State.REVERSING, owed=(NAME,))
    world.authority.answers["reverse"] = [*FAILURES, left]
    await world.settled(sale)
    assert world.events() == [(Event.REVERSED, reasons.REVERSED)]
    assert world.authority.asked == ["reverse"] * 5
    assert world.outbox.depth() == 0


async def test_a_recalled_approval_and_its_sale(world: World) -> None:
    """Two lanes of one sale, each with its own end."""
    sale = world.sale(State.REVERSING, owed=(EARLIER, NAME))
    world.authority.answers["reverse"] = ["VOIDED"]
    await world.settled(sale)
    assert sorted(world.events()) == [
        (Event.RECALL_REVERSED, reasons.REVERSED),
        (Event.REVERSED, reasons.REVERSED),
    ]


# Confirmations


async def test_what_is_posted(world: World) -> None:
    sale = world.sale(State.PAID)
    world.authority.answers["confirm"] = [*FAILURES, "EXPIRED", "POSTED"]
    await world.settled(sale)
    assert world.events() == [(Event.POSTED, reasons.OK)]
    assert set(world.authority.asked) == {"confirm"}


@pytest.mark.parametrize("left", ["VOIDED", "DECLINED"])
async def test_what_can_never_be_posted(world: World, left: str) -> None:
    sale = world.sale(State.PAID)
    world.authority.answers["confirm"] = [AWAY, left]
    await world.settled(sale)
    assert world.events() == [(Event.LIABILITY, reasons.LIABILITY)]


async def test_what_the_authority_has_forgotten_is_sent_again(world: World) -> None:
    sale = world.sale(State.PAID)
    world.authority.answers = {"confirm": [UNKNOWN, "POSTED"], "authorise": [b"receipt"]}
    await world.settled(sale)
    assert world.authority.asked == ["confirm", "authorise", "confirm"]
    assert world.events() == [(Event.POSTED, reasons.OK)]


async def test_booked_again_under_another_name(world: World) -> None:
    """The journal has the transaction that refunds will name."""
    sale = world.sale(State.PAID, transaction_id=b"before")
    world.authority.answers = {"confirm": [UNKNOWN, "POSTED"], "authorise": [b"again"]}
    await world.settled(sale)
    assert world.events() == [(Event.UPLOADED, reasons.OK), (Event.POSTED, reasons.OK)]
    assert (sale.receipt, sale.transaction_id) == (b"again", TRANSACTION)


async def test_forgotten_on_both_sides(world: World) -> None:
    """Taken over after a lost journal, it has no record: nobody can prove it any more."""
    sale = world.sale(State.PAID, record=b"")
    world.authority.answers = {"confirm": [AWAY, UNKNOWN], "reverse": ["VOIDED"]}
    await world.settled(sale)
    assert world.authority.asked[-1] == "reverse"  # its phone hears what became of it
    assert world.events() == [(Event.LIABILITY, reasons.APPROVAL_UNKNOWN), GIVEN]


async def test_forgotten_and_then_declined(world: World) -> None:
    sale = world.sale(State.PAID)
    world.authority.answers = {"confirm": [UNKNOWN], "authorise": [b"receipt"]}
    world.proved = [reasons.CREDIT_SPACE]
    await world.settled(sale)
    assert world.events() == [(Event.LIABILITY, reasons.CREDIT_SPACE)]


# Uploads


async def test_what_was_accepted_offline(world: World) -> None:
    sale = world.sale(State.PAID, mode=messages.OFFLINE)
    world.authority.answers = {"authorise": [AWAY, b"receipt"], "confirm": [AWAY, "POSTED"]}
    await world.settled(sale)
    assert world.events() == [(Event.UPLOADED, reasons.OK), (Event.POSTED, reasons.OK)]
    assert world.authority.asked == ["authorise", "authorise", "confirm", "confirm"]
    assert (sale.receipt, sale.transaction_id) == (b"receipt", TRANSACTION)


async def test_a_receipt_that_proves_nothing_is_no_answer(world: World) -> None:
    sale = world.sale(State.PAID, mode=messages.OFFLINE)
    world.authority.answers = {"authorise": [b"receipt"], "confirm": ["POSTED"]}
    world.proved = [Error(reasons.BAD_SIGNATURE, "not the authority's"), reasons.OK]
    await world.settled(sale)
    assert world.authority.asked == ["authorise", "authorise", "confirm"]


@pytest.mark.parametrize("said", [True, False])
async def test_a_refused_upload(world: World, said: bool) -> None:
    """By name it is a loss; anything else may be a proxy, and needs a person first."""
    sale = world.sale(State.PAID, mode=messages.OFFLINE)
    refused = RefusedError(reasons.CREDENTIAL_REVOKED, "status 422", said=said)
    world.authority.answers = {
        "authorise": [refused, b"receipt"],
        "confirm": ["POSTED"],
        "reverse": ["VOIDED"],
    }
    await world.settled(sale)
    lost = [(Event.LIABILITY, reasons.CREDENTIAL_REVOKED), GIVEN]
    assert world.events() == (
        lost if said else [(Event.UPLOADED, reasons.OK), (Event.POSTED, reasons.OK)]
    )


async def test_the_phone_of_a_loss_can_hear_of_it(world: World) -> None:
    """A refused record is in no book: its reversal will be, and is owed from the loss on."""
    sale = world.sale(State.PAID, mode=messages.OFFLINE)
    refused = RefusedError(reasons.OFFER_EXPIRED, "status 422", said=True)
    world.authority.answers = {"authorise": [refused], "reverse": [*FAILURES, "VOIDED"]}
    await world.settled(sale)
    assert world.authority.asked == ["authorise", *["reverse"] * (len(FAILURES) + 1)]
    assert world.events() == [(Event.LIABILITY, reasons.OFFER_EXPIRED), GIVEN]


async def test_an_upload_waits_for_the_reversal_before_it(world: World) -> None:
    sale = world.sale(State.PAID, mode=messages.OFFLINE, owed=(EARLIER,))
    world.authority.answers = {
        "reverse": [AWAY, AWAY, "VOIDED"],
        "authorise": [b"receipt"],
        "confirm": ["POSTED"],
    }
    await world.settled(sale)
    assert world.authority.asked == [*["reverse"] * 3, "authorise", "confirm"]


# Refunds


def refund(world: World, **changes: Any) -> Sale:
    sale = world.sale(State.REFUNDING, "refund-0123456789ab")
    sale.terms = sale.terms._replace(kind=messages.REFUND, **changes)
    return sale


async def test_a_refund_of_a_transaction(world: World) -> None:
    one = refund(world, original=TRANSACTION)
    done = Refunded(b"r" * 16, reasons.OK)
    world.authority.answers["refund"] = [*FAILURES[:2], done]
    await world.settled(one)
    assert (world.events(), one.transaction_id) == ([(Event.POSTED, reasons.OK)], b"r" * 16)


async def test_a_refund_that_is_declined(world: World) -> None:
    one = refund(world, original=TRANSACTION)
    world.authority.answers["refund"] = [Refunded(b"", reasons.REFUND_EXCEEDS)]
    await world.settled(one)
    assert world.events() == [(Event.DECLINED, reasons.REFUND_EXCEEDS)]


async def test_a_refund_waits_for_its_purchase(world: World) -> None:
    bought = world.sale(State.PAID)
    one = refund(world, original_sale=TERMS.sale_id)
    one.approval_id = EARLIER
    world.authority.answers = {"refund": [Refunded(b"r" * 16, reasons.OK)], "confirm": ["POSTED"]}
    world.outbox.resume(one)
    await world.settled(bought)
    assert await world.books.waiting.final(one, PATIENCE_S)
    assert world.authority.asked == ["confirm", "refund"]


async def test_a_refund_waits_for_the_archive_of_its_purchase(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It is owed until the archive is back; other lanes go on."""
    world.sale(State.POSTED)
    one = refund(world, original_sale=TERMS.sale_id)
    world.books.missing = [ArchiveError("000001.sqlite: this archive is missing")] * 2
    world.authority.answers["refund"] = [Refunded(b"r" * 16, reasons.OK)]
    await world.settled(one)
    assert world.events() == [(Event.POSTED, reasons.OK)]
    owed = [it for it in caplog.records if it.getMessage() == "still owed"]
    assert len(owed) == 2
    assert "this archive is missing" in owed[0].__dict__["fields"]["detail"]


async def test_a_refund_of_what_is_never_posted(world: World) -> None:
    bought = world.sale(State.PAID)
    one = refund(world, original_sale=TERMS.sale_id)
    one.approval_id = EARLIER
    world.authority.answers["confirm"] = ["VOIDED"]
    world.outbox.resume(one)
    await world.settled(bought)
    assert await world.books.waiting.final(one, PATIENCE_S)
    assert world.events()[-1] == (Event.DECLINED, reasons.NOT_POSTED)
    assert "refund" not in world.authority.asked


# All lanes


async def test_one_request_at_a_time_for_each_approval(world: World) -> None:
    """However often it is taken up."""
    sale = world.sale(State.PAID)
    world.authority.hold = asyncio.Event()
    world.authority.answers["confirm"] = ["POSTED"]
    for _ in range(3):
        world.outbox.resume(sale)
        await asyncio.sleep(0)
    assert world.outbox.depth() == 1
    world.authority.hold.set()
    await world.settled(sale)
    assert world.authority.asked == ["confirm"]


async def test_few_at_once(world: World) -> None:
    """So that cashiers who wait get through after an outage."""
    world.authority.answers["confirm"] = ["POSTED"]
    sales = [
        world.sale(State.PAID, f"sale-{number:011}", approval_id=number.to_bytes(16, "big"))
        for number in range(5 * outbox.AT_ONCE)
    ]
    await asyncio.gather(*(world.settled(sale) for sale in sales))
    assert world.authority.most == outbox.AT_ONCE


async def test_nothing_is_asked_while_somebody_still_asks(world: World) -> None:
    """The reversal never overtakes the question."""
    sale = world.sale(State.REVERSING, owed=(NAME,))
    world.authority.answers["reverse"] = ["VOIDED"]
    end = asyncio.Event()

    async def ask() -> None:
        await end.wait()

    asking = asyncio.create_task(ask())
    world.outbox.reverse(sale, NAME, asking)
    for _ in range(5):
        await asyncio.sleep(0)
    assert world.authority.asked == []
    end.set()
    assert await world.books.waiting.cleared(sale, PATIENCE_S)


async def test_nothing_is_asked_before_the_journal_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the request follows from could be lost in a crash."""
    written = asyncio.Event()
    locked = SimpleNamespace(reason=reasons.JOURNAL_LOCKED, over=written.wait)
    monkeypatch.setattr(world.books, "commits", locked)
    sale = world.sale(State.PAID)
    world.authority.answers["confirm"] = ["POSTED"]
    world.outbox.resume(sale)
    for _ in range(5):
        await asyncio.sleep(0)
    assert world.authority.asked == []
    written.set()
    await world.settled(sale)
    assert world.authority.asked == ["confirm"]


async def test_send_now_ends_every_pause(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_S", 1e6)
    monkeypatch.setattr(retry, "OUTBOX_MOST_S", 1e6)
    napping = asyncio.Event()
    nap = world.outbox._nap

    async def noted(seconds: float) -> None:
        napping.set()
        await nap(seconds)

    monkeypatch.setattr(world.outbox, "_nap", noted)
    sale = world.sale(State.PAID)
    world.authority.answers["confirm"] = [AWAY, "POSTED"]
    world.outbox.resume(sale)
    await asyncio.wait_for(napping.wait(), PATIENCE_S)
    assert world.outbox.oldest_s() >= 0
    world.outbox.send_now()
    await world.settled(sale)
    assert world.outbox.oldest_s() == 0
