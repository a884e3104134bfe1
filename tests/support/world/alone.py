"""A till whose authority is away: what it may do alone, and how that is settled afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from receiver import reasons
from receiver.link import wire
from receiver.protocol import messages, signed
from simulator.authority.accounts.limits import Limits
from simulator.phone.app.buyer import Buyer
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Outcome
from simulator.phone.wallet.wallet import Wallet
from tests.support.world.checkout import PRICE, Json
from tests.support.world.tap import TappedCheckout

LIMITS = Limits(floor=PRICE, total=3 * PRICE, sales=3, hours=24)
PATIENCE_S = 2  # of a till: time enough for a phone to come and approve


class Bought(NamedTuple):
    """A sale as the till heard of it, and how the phone's visit ended."""

    sale: Json
    outcome: Outcome

    @property
    def approval_id(self) -> str:
        name: str = self.sale["approval_id"]
        return name


@asynccontextmanager
async def limited(till: TappedCheckout, limits: Limits) -> AsyncIterator[None]:
    """Other limits inside."""
    await limit(till, limits)
    try:
        yield
    finally:
        await limit(till, LIMITS)


async def limit(till: TappedCheckout, limits: Limits) -> None:
    """The receiver goes by these from here on: it asks anew when it starts."""
    mark = len(till.tap.crossed)
    await till.world.limit_offline(limits)
    await till.reset()
    await heard(till, limits, mark)


async def heard(till: TappedCheckout, limits: Limits, mark: int) -> None:
    """Wait until the receiver goes by these limits: its next offer has the authority's time.

    A state that still came for an earlier life of the receiver is not meant.
    """

    def says_so(state: wire.Blob) -> bool:
        value = signed.parse(messages.STATE, state.data).value
        return bool(value.offline_floor == limits.floor and value.nonce == till.tap.nonce)

    await till.tap.message(wire.STATE, mark, says_so)


@asynccontextmanager
async def away(till: TappedCheckout) -> AsyncIterator[None]:
    """The authority is gone, for bridge and phones, and comes back."""
    await till.world.authority.stop()
    try:
        yield
    finally:
        await till.world.authority.start()


async def buys(
    till: TappedCheckout,
    buyer: Buyer | None = None,
    wallet: Wallet | None = None,
    amount: int = PRICE,
) -> Bought:
    """A purchase to the end of the till's patience."""
    sale = await till.ring_up(amount, patience_s=PATIENCE_S)
    outcome = await till.buy(buyer, wallet)
    return Bought(await till.outcome(sale), outcome)


def accepted(bought: Bought) -> Bought:
    """It was approved without the authority, and till and phone say so."""
    sale, outcome = bought
    assert (sale["state"], sale["reason"]["code"]) == ("approved", "accepted_offline")
    assert sale["offline"]
    assert (sale["receipt"], sale["transaction_id"]) == (None, None)
    assert (outcome.result, outcome.reason) == (events.ACCEPTED, reasons.ACCEPTED_OFFLINE)
    assert outcome.approval_id.hex() == sale["approval_id"]
    return bought


async def kept(till: TappedCheckout) -> Bought:
    """A purchase that was accepted, and that the till keeps."""
    bought = accepted(await buys(till))
    await till.keep(bought.sale)
    return bought


def not_accepted(bought: Bought) -> Bought:
    """Nothing was approved, and all is given back."""
    sale, outcome = bought
    assert (sale["state"], sale["offline"]) == ("cancelled", False)
    assert (sale["reason"]["code"], sale["settlement"]) == ("reversed", "reversing")
    assert outcome.result == events.UNKNOWN
    return bought


def proved(till: TappedCheckout, bought: Bought) -> str:
    """The receiver's own receipt, as the bridge told of it."""
    sales = [event["sale"] for event in till.events if event.get("what") == "provisional_receipt"]
    (told,) = [sale for sale in sales if sale["approval_id"] == bought.approval_id]
    return str(told["provisional_receipt"])


async def unsent(till: TappedCheckout) -> list[str]:
    outbox = await till.world.till.outbox()
    return [sale["approval_id"] for sale in outbox["unsent"]]


async def emptied(till: TappedCheckout) -> None:
    """Everything that is owed goes out now."""
    mark = len(till.events)
    await till.world.till.send_now()
    while (await till.world.till.outbox())["depth"]:
        await till.event(lambda event: event["event"] == "sale", mark)
        mark = len(till.events)


async def ends(till: TappedCheckout, bought: Bought, settlement: str) -> Json:
    """The sale once the authority has said its word on it."""
    await emptied(till)
    sale = await till.world.till.look(bought.sale["sale_id"])
    assert sale["settlement"] == settlement
    return sale


async def learns(till: TappedCheckout, bought: Bought) -> str:
    """What the phone hears of it, the next time that it is taken out."""
    mark = len(till.steps)
    await till.sell()
    assert not till.wallet.pending
    told = [step.details for step in till.steps[mark:] if step.name == "settled"]
    (state,) = [one["state"] for one in told if one["approval_id"] == bought.approval_id]
    return str(state)
