"""The outbox's lanes against a scripted authority: what settles them, and what never does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, NamedTuple

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
    world.authority.answers["reverse"] = [*FAILURES, left]
    await world.settled(world.sale(State.REVERSING, owed=(NAME,)))
    assert world.events() == [(Event.REVERSED, reasons.REVERSED)]
    assert (world.authority.asked, world.outbox.depth()) == (["reverse"] * 5, 0)


async def test_a_recalled_approval_and_its_sale(world: World) -> None:
    """Two lanes of one sale, each with its own end."""
    world.authority.answers["reverse"] = ["VOIDED"]
    await world.settled(world.sale(State.REVERSING, owed=(EARLIER, NAME)))
    assert sorted(world.events()) == [
        (Event.RECALL_REVERSED, reasons.REVERSED),
        (Event.REVERSED, reasons.REVERSED),
    ]


# Confirmations and uploads


class Lane(NamedTuple):
    """What a paid sale is like, what the authority says to each request, and what follows."""

    sale: dict[str, Any]
    answers: dict[str, list[Any]]
    asked: list[str]
    events: list[tuple[Event, int]]
    booked: tuple[bytes, bytes] = (b"receipt", TRANSACTION)  # the sale's receipt and transaction
    proved: tuple[Any, ...] = ()  # what each receipt proves; at last, that it is approved


OFFLINE = {"mode": messages.OFFLINE}
NOT_BOOKED = (b"", b"")
UPLOADED, POSTED = (Event.UPLOADED, reasons.OK), (Event.POSTED, reasons.OK)
TO_BOOK: dict[str, list[Any]] = {"authorise": [b"receipt"], "confirm": ["POSTED"]}
REVOKED = RefusedError(reasons.CREDENTIAL_REVOKED, "status 422", said=True)
NOT_SAID = RefusedError(reasons.CREDENTIAL_REVOKED, "status 422", said=False)
EXPIRED = RefusedError(reasons.OFFER_EXPIRED, "status 422", said=True)
UNPROVED = Error(reasons.BAD_SIGNATURE, "not the authority's")

LANES = {
    "posted": Lane({}, {"confirm": [*FAILURES, "EXPIRED", "POSTED"]}, ["confirm"] * 6, [POSTED]),
    **{
        f"never posted, as it is {left}": Lane(
            {},
            {"confirm": [AWAY, left]},
            ["confirm"] * 2,
            [(Event.LIABILITY, reasons.LIABILITY)],
        )
        for left in ("VOIDED", "DECLINED")
    },
    "forgotten by the authority, and sent again": Lane(
        {},
        {"confirm": [UNKNOWN, "POSTED"], "authorise": [b"receipt"]},
        ["confirm", "authorise", "confirm"],
        [POSTED],
    ),
    # The journal has the transaction that refunds will name.
    "booked again under another name": Lane(
        {"transaction_id": b"before"},
        {"confirm": [UNKNOWN, "POSTED"], "authorise": [b"again"]},
        ["confirm", "authorise", "confirm"],
        [UPLOADED, POSTED],
        booked=(b"again", TRANSACTION),
    ),
    # Taken over after a lost journal, it has no record to prove it; its phone hears of the loss.
    "forgotten on both sides": Lane(
        {"record": b""},
        {"confirm": [AWAY, UNKNOWN], "reverse": ["VOIDED"]},
        ["confirm", "confirm", "reverse"],
        [(Event.LIABILITY, reasons.APPROVAL_UNKNOWN), GIVEN],
    ),
    "forgotten and then declined": Lane(
        {},
        {"confirm": [UNKNOWN], "authorise": [b"receipt"]},
        ["confirm", "authorise"],
        [(Event.LIABILITY, reasons.CREDIT_SPACE)],
        proved=(reasons.CREDIT_SPACE,),
    ),
    "accepted offline": Lane(
        OFFLINE,
        {"authorise": [AWAY, b"receipt"], "confirm": [AWAY, "POSTED"]},
        ["authorise", "authorise", "confirm", "confirm"],
        [UPLOADED, POSTED],
    ),
    "a receipt that proves nothing is no answer": Lane(
        OFFLINE,
        TO_BOOK,
        ["authorise", "authorise", "confirm"],
        [UPLOADED, POSTED],
        proved=(UNPROVED, reasons.OK),
    ),
    "refused by name is a loss": Lane(
        OFFLINE,
        {"authorise": [REVOKED], "reverse": ["VOIDED"]},
        ["authorise", "reverse"],
        [(Event.LIABILITY, reasons.CREDENTIAL_REVOKED), GIVEN],
        NOT_BOOKED,
    ),
    # It may be a proxy's word, and needs a person first.
    "refused without a name is sent again": Lane(
        OFFLINE,
        {"authorise": [NOT_SAID, b"receipt"], "confirm": ["POSTED"]},
        ["authorise", "authorise", "confirm"],
        [UPLOADED, POSTED],
    ),
    # A refused record is in no book: its reversal will be, so that its phone can hear of it.
    "the reversal of a loss is owed": Lane(
        OFFLINE,
        {"authorise": [EXPIRED], "reverse": [*FAILURES, "VOIDED"]},
        ["authorise", *["reverse"] * (len(FAILURES) + 1)],
        [(Event.LIABILITY, reasons.OFFER_EXPIRED), GIVEN],
        NOT_BOOKED,
    ),
    "an upload waits for the reversal before it": Lane(
        OFFLINE | {"owed": (EARLIER,)},
        TO_BOOK | {"reverse": [AWAY, AWAY, "VOIDED"]},
        [*["reverse"] * 3, "authorise", "confirm"],
        [GIVEN, UPLOADED, POSTED],
    ),
}


@pytest.mark.parametrize("lane", LANES.values(), ids=LANES)
async def test_what_becomes_of_a_paid_sale(world: World, lane: Lane) -> None:
    sale = world.sale(State.PAID, **lane.sale)
    world.authority.answers = {what: [*said] for what, said in lane.answers.items()}
    world.proved = [*lane.proved]
    await world.settled(sale)
    assert (world.authority.asked, world.events()) == (lane.asked, lane.events)
    assert (sale.receipt, sale.transaction_id) == lane.booked


# Refunds


REFUNDED = Refunded(b"r" * 16, reasons.OK)


def refund(world: World, **changes: Any) -> Sale:
    sale = world.sale(State.REFUNDING, "refund-0123456789ab")
    sale.terms = sale.terms._replace(kind=messages.REFUND, **changes)
    return sale


async def test_a_refund_of_a_transaction(world: World) -> None:
    one = refund(world, original=TRANSACTION)
    world.authority.answers["refund"] = [*FAILURES[:2], REFUNDED]
    await world.settled(one)
    assert (world.events(), one.transaction_id) == ([POSTED], b"r" * 16)


async def test_a_refund_that_is_declined(world: World) -> None:
    world.authority.answers["refund"] = [Refunded(b"", reasons.REFUND_EXCEEDS)]
    await world.settled(refund(world, original=TRANSACTION))
    assert world.events() == [(Event.DECLINED, reasons.REFUND_EXCEEDS)]


async def settled_with_its_refund(world: World) -> None:
    """A paid sale, when its refund was asked for first."""
    bought = world.sale(State.PAID)
    one = refund(world, original_sale=TERMS.sale_id)
    one.approval_id = EARLIER
    world.outbox.resume(one)
    await world.settled(bought)
    assert await world.books.waiting.final(one, PATIENCE_S)


async def test_a_refund_waits_for_its_purchase(world: World) -> None:
    world.authority.answers = {"refund": [REFUNDED], "confirm": ["POSTED"]}
    await settled_with_its_refund(world)
    assert world.authority.asked == ["confirm", "refund"]


async def test_a_refund_waits_for_the_archive_of_its_purchase(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """It is owed until the archive is back; other lanes go on."""
    world.sale(State.POSTED)
    one = refund(world, original_sale=TERMS.sale_id)
    world.books.missing = [ArchiveError("000001.sqlite: this archive is missing")] * 2
    world.authority.answers["refund"] = [REFUNDED]
    await world.settled(one)
    assert world.events() == [POSTED]
    owed = [it for it in caplog.records if it.getMessage() == "still owed"]
    assert len(owed) == 2
    assert "this archive is missing" in owed[0].__dict__["fields"]["detail"]


async def test_a_refund_of_what_is_never_posted(world: World) -> None:
    world.authority.answers["confirm"] = ["VOIDED"]
    await settled_with_its_refund(world)
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


async def test_nothing_is_asked_while_an_answer_is_awaited(world: World) -> None:
    """The reversal never overtakes the question."""
    sale = world.sale(State.REVERSING, owed=(NAME,))
    world.authority.answers["reverse"] = ["VOIDED"]
    end = asyncio.Event()

    async def ask() -> None:
        await end.wait()

    world.outbox.reverse(sale, NAME, asyncio.create_task(ask()))
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
