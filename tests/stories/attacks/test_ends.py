"""How an exchange ends that is cut short at any step: definite at the till, honest on the phone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from signal import SIGKILL

import pytest

from receiver import reasons
from receiver.protocol import exchange, padding
from simulator.phone.app.buyer import Silent
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Outcome
from simulator.phone.wallet.wallet import Wallet
from tests.support.world.checkout import ASK_MS, Checkout, Json
from tests.support.world.crooks import Watching
from tests.support.world.crowd import Gate, keyed, pays, typing
from tests.support.world.middle import Middle, in_the_middle

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT_S = 2  # of patience: time enough to come to any step
LONG_MS = 10_000  # for phones that are to learn how it ended
ANSWER_S = 0.3  # of an authority that takes its time

# Steps that an exchange has come to when it is cut short.
ASKED = "asked"  # checked in; the offer has come, and the buyer has not looked
SHOWN = "shown"  # the receiver has the phone's key
TYPING = "typing"  # bridge and receiver have its credential
APPROVED = "approved"  # its approval has left it and is on the air
STEPS = (ASKED, SHOWN, TYPING, APPROVED)


async def come_to(
    till: Checkout,
    step: str,
    wallet: Wallet,
    middle: Middle,
    *,
    ask_ms: int = ASK_MS,
    **terms: int,
) -> tuple[Json, asyncio.Task[Outcome]]:
    """A new sale, and a phone that has come so far in it."""
    if step == ASKED:
        phone = asyncio.create_task(till.buy(Silent(), wallet))
        await till.step("checked_in")
        sale = await till.ring_up(**terms)
        await till.step(events.ASKED)
        return sale, phone
    sale = await till.ring_up(**terms)
    if step == SHOWN:
        return sale, await keyed(till, Watching(), wallet)
    gate = Gate()
    phone = await typing(till, sale, wallet, gate, ask_ms=ask_ms)
    if step == APPROVED:
        middle.hold(exchange.APPROVAL)
        gate.open()
        await middle.until_held(1)
    return sale, phone


async def cancel(till: Checkout, sale: Json) -> None:
    """By the cashier."""
    await till.world.till.cancel(sale["sale_id"])


async def wait(till: Checkout, sale: Json) -> None:
    """For the end of its time."""
    await till.told(sale, "cancelled")


async def restart(till: Checkout, sale: Json) -> None:
    """The bridge, without a warning."""
    await till.restart_bridge(SIGKILL)
    await till.world.receiver_up()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("end", "cause"),
    [(cancel, "cashier_cancelled"), (wait, "nobody_came"), (restart, "bridge_restarted")],
    ids=["cancelled", "expired", "bridge_restarted"],
)
async def test_a_sale_that_ends_before_an_approval_has_arrived(
    till: Checkout,
    other: Wallet,
    end: Callable[[Checkout, Json], Awaitable[None]],
    cause: str,
    step: str,
) -> None:
    """It is cancelled, and no money is held. The phone hears that it is over; once its approval
    has left it, it believes nobody but the authority, and calls that unknown."""
    with in_the_middle() as middle:
        terms = {"patience_s": SHORT_S} if end is wait else {}
        sale, phone = await come_to(till, step, other, middle, **terms)
        await end(till, sale)
        final = await till.outcome(sale)
        assert (final["state"], final["reason"]["code"]) == ("cancelled", cause)
        outcome = await phone
        middle.forget()
    if step == APPROVED:
        assert outcome.result == events.UNKNOWN
    else:
        assert (outcome.result, outcome.reason) == (events.REFUSED, reasons.OFFER_EXPIRED)
    assert till.new_transactions() == {}
    following = await till.ring_up()
    assert (await till.buy()).result == events.APPROVED
    await pays(till, following)


@pytest.mark.parametrize("step", STEPS)
async def test_a_receiver_that_loses_its_power(till: Checkout, other: Wallet, step: str) -> None:
    """Its keys are gone with it. The sale goes on with a new offer, and another phone pays it. The
    first comes back by itself: it asks its buyer about that offer, where it is there already; once
    it has approved it knows nothing."""
    with in_the_middle() as middle:
        sale, phone = await come_to(till, step, other, middle)
        mark = len(till.steps)
        await till.reset()
        await till.step("unknown" if step == APPROVED else "resumed", mark)
        middle.forget()
        assert till.new_transactions() == {}
        assert (await till.buy()).result == events.APPROVED
        outcome = await phone
    ends = (events.UNKNOWN,) if step == APPROVED else (events.REFUSED, events.LOST)
    assert outcome.result in ends
    await pays(till, sale)
    assert till.count(sale, "offered") == 2


async def test_what_the_authority_was_asked_about_is_given_back(
    till: Checkout, other: Wallet
) -> None:
    """When the cashier stops it: a definite answer at once, and in the end nothing is held."""
    till.slow_down(ANSWER_S)
    sale = await till.ring_up()
    buying = asyncio.create_task(till.buy(wallet=other, ask_ms=LONG_MS))
    await till.told(sale, "authorisation_sent")
    final = await till.world.till.cancel(sale["sale_id"])
    assert (final["state"], final["reason"]["code"]) == ("cancelled", "cashier_cancelled")
    await till.told(sale, "reversed")
    assert till.new_transactions() == {final["approval_id"]: "VOIDED"}
    assert till.spent() == 0
    outcome = await buying
    assert (outcome.result, outcome.reason) == (events.DECLINED, reasons.REVERSED)


# Words that somebody else puts into the receiver's mouth.


@pytest.mark.parametrize(
    "code", [exchange.RETRY, exchange.BUSY, exchange.EXPIRED, exchange.OLD_APP, exchange.REFUSED]
)
async def test_a_plain_refusal_before_anything_was_sealed_ends_the_attempt_alone(
    till: Checkout, other: Wallet, code: int
) -> None:
    """The receiver knows nothing of it: the same phone pays the same sale when it comes again."""
    with in_the_middle() as middle:
        sale, phone = await come_to(till, SHOWN, other, middle)
        middle.add(middle.of(exchange.KEY)[0], bytes([exchange.REFUSAL, code]))
        assert (await phone).result == events.REFUSED
    assert till.new_transactions() == {}
    assert (await till.buy(wallet=other)).result == events.APPROVED
    await pays(till, sale)


async def test_a_plain_refusal_of_a_credential_is_not_believed(
    till: Checkout, other: Wallet
) -> None:
    """Whoever has the key seals: the phone goes on, and pays."""
    sale = await till.ring_up()
    gate = Gate()
    with in_the_middle() as middle:
        phone = await typing(till, sale, other, gate)
        middle.add(middle.of(exchange.KEY)[0], bytes([exchange.REFUSAL, exchange.REFUSED]))
        ignored = await till.step("ignored")
        gate.open()
        assert (await phone).result == events.APPROVED
    assert ignored.details["why"] == "bad_seal"
    await pays(till, sale)


@pytest.mark.parametrize("code", [exchange.BUSY, exchange.REFUSED])
async def test_a_plain_refusal_after_the_approval_is_not_believed(
    till: Checkout, other: Wallet, code: int
) -> None:
    """The phone waits on, and hears how it ended."""
    with in_the_middle() as middle:
        sale, phone = await come_to(till, APPROVED, other, middle)
        middle.release()
        middle.hold(exchange.RESULT)
        paid = await pays(till, sale)
        middle.add(middle.of(exchange.APPROVAL)[0], bytes([exchange.REFUSAL, code]))
        ignored = await till.step("ignored")
        middle.release()
        outcome = await phone
    assert ignored.details["why"] == "bad_seal"
    assert (outcome.result, outcome.approval_id.hex()) == (events.APPROVED, paid)


@pytest.mark.parametrize(
    ("kind", "size", "told"),
    [
        (exchange.REFUSAL, padding.REFUSAL_SEALED, "ignored"),
        (exchange.RESULT, padding.RESULT_SEALED, "result_untrusted"),
    ],
    ids=["refusal", "result"],
)
async def test_a_forged_answer_after_the_approval_does_not_open(
    till: Checkout, other: Wallet, kind: int, size: int, told: str
) -> None:
    """By `bad_seal`, neither a yes nor a no: the phone waits on, or asks the authority."""
    with in_the_middle() as middle:
        sale, phone = await come_to(till, APPROVED, other, middle, ask_ms=LONG_MS)
        middle.add(middle.of(exchange.APPROVAL)[0], bytes([kind]) + bytes(size))
        middle.release()
        outcome = await phone
    assert (await till.step(told)).details["why"] == "bad_seal"
    assert outcome.result == events.APPROVED
    assert await pays(till, sale) == outcome.approval_id.hex()
