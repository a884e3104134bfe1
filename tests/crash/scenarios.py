"""What may happen at a till: each scenario goes to its end with no crash, and with any."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from bridge.domain.states import Event
from bridge.domain.till_decisions import Wish
from receiver import reasons
from simulator.authority.ledger.refunds import Order
from tests.crash.buyer import WRONG
from tests.crash.office import Fault
from tests.crash.template import template
from tests.crash.till import PAID, REFUNDED, Rung
from tests.support.values import evidence

if TYPE_CHECKING:
    from tests.crash.world import Scenario, World

SALE = "sale-0123456789ab"
OTHER = "sale-another-one0"
REFUND = "refund-0123456789"
TILL, NEXT = 3, 4
FOR_EVER = 100
SHORT_S = 8  # of patience, where it ends
HEAD_START_S = 0.5  # of the first of two buyers
ELSEWHERE = 20_000


class Case(NamedTuple):
    """A scenario, and the events that it is about: with no crash, all of them happen."""

    play: Scenario
    about: tuple[Event, ...]
    tills: tuple[int, ...] = (TILL,)
    offline: bool = False
    archive_at: int = 250
    watched: bool = False


async def plain(world: World) -> None:
    """A purchase, paid."""
    _come(world)
    await world.till.sell(SALE)


async def by_events(world: World) -> None:
    """The till lives by events, and has its cursor when it comes back."""
    _come(world, WRONG)
    await world.till.sell_by_events(SALE)


async def cancelled(world: World) -> None:
    """Approved, and then the till takes it back."""
    _come(world)
    await world.till.sell(SALE, wish=Wish.CANCEL)


async def aborted(world: World) -> None:
    """The cashier stops waiting while the authority is asked."""
    world.office.faults["authorise"] = [Fault.SLOW]
    _come(world)
    selling = world.beside(world.till.sell(SALE))
    if await world.until(lambda: _asked(world), selling):
        await world.till.abort(SALE)
    await selling


async def mended(world: World) -> None:
    """A wrong code, a new offer by itself, the right one."""
    _come(world, WRONG)
    await world.till.sell(SALE)


async def recalled(world: World) -> None:
    """The receiver refuses what the authority has granted; the next phone's approval holds."""
    counter, (first, second, *_) = world.counters[TILL], world.buyers
    counter.fits = lambda one: reasons.BAD_SIGNATURE if one.buyer is first else reasons.OK

    async def comes_later() -> None:
        await asyncio.sleep(HEAD_START_S)
        await second.pay(counter, link=1)

    world.beside(first.pay(counter))
    world.beside(comes_later())
    await world.till.sell(SALE)


async def silent(world: World) -> None:
    """The authority hears nothing until the till's patience ends."""
    world.office.faults["authorise"] = [Fault.LOST] * FOR_EVER
    _come(world)
    await world.till.sell(SALE, patience_s=SHORT_S)
    world.office.faults.clear()


async def mute(world: World) -> None:
    """The authority holds the money, and nobody hears of it until the patience ends."""
    world.office.faults = {"authorise": [Fault.MUTE] * FOR_EVER, "reverse": [Fault.MUTE] * 3}
    _come(world)
    await world.till.sell(SALE, patience_s=SHORT_S)
    world.office.faults["authorise"].clear()


async def answered_late(world: World) -> None:
    """One request is lost, one answer; the third tells."""
    world.office.faults["authorise"] = [Fault.LOST, Fault.MUTE]
    _come(world)
    await world.till.sell(SALE)


async def overtaken(world: World) -> None:
    """A record that was on its way all the time arrives after its reversal, and once more."""
    world.office.faults["authorise"] = [Fault.LATE] * FOR_EVER
    _come(world)
    await world.till.sell(SALE, patience_s=SHORT_S)
    world.office.faults["authorise"] = [Fault.TWICE]
    _come(world)
    await world.till.sell(OTHER, patience_s=SHORT_S)


async def unconfirmed(world: World) -> None:
    """The confirmation is lost, done without an answer, refused and late before it is heard."""
    world.office.faults["confirm"] = [
        *(Fault.LOST, Fault.MUTE, Fault.BROKEN, Fault.REFUSED, Fault.LATE, Fault.TWICE)
    ]
    _come(world)
    await world.till.sell(SALE)


async def unfetched(world: World) -> None:
    """The till rings up and never looks again."""
    _come(world)
    await world.till.sell(SALE, wish=None)
    await asyncio.sleep(60)


async def offline(world: World) -> None:
    """Accepted without the authority, sent when it is back."""
    await _away(world)
    _come(world)
    await world.till.sell(SALE, patience_s=SHORT_S)
    await asyncio.sleep(20)
    world.office.away = False


async def offline_declined(world: World) -> None:
    """Accepted without the authority, which had revoked the credential by then: a liability."""
    await _away(world)
    world.office.store.run("UPDATE credentials SET revoked = ?", world.office.now())
    _come(world)
    await world.till.sell(SALE, patience_s=SHORT_S)
    world.office.away = False


async def offline_cancelled(world: World) -> None:
    """Accepted without the authority, and taken back before it heard of it."""
    await _away(world)
    _come(world)
    await world.till.sell(SALE, wish=Wish.CANCEL, patience_s=SHORT_S)
    world.office.away = False


async def offline_limits(world: World) -> None:
    """A second sale would go beyond what may stand on offline approvals, and is not taken."""
    await _away(world)
    _come(world)
    await world.till.sell(SALE, 40_000, patience_s=SHORT_S)
    _come(world)
    await world.till.sell(OTHER, 40_000, patience_s=SHORT_S)
    world.office.away = False


async def refunded(world: World) -> None:
    """A part goes back without a phone, then more than the rest, then the rest."""
    _come(world)
    await world.till.sell(SALE)
    if world.till.paper[SALE] == PAID:
        world.office.faults["refund"] = [Fault.MUTE, Fault.LOST]
        await world.till.refund(REFUND, SALE, 10_000)
        await world.till.refund(REFUND + "2", SALE, 20_000)
        await world.till.refund(REFUND + "3", SALE, 14_900)


async def refund_declined(world: World) -> None:
    """The authority knows of another refund that the journal has never seen."""
    _come(world)
    await world.till.sell(SALE)
    if world.till.paper[SALE] == PAID:
        await world.quiet()
        _refund_elsewhere(world)
        await world.till.refund(REFUND, SALE, 10_000)


async def refund_before_posted(world: World) -> None:
    """Money is to go back while the purchase is still owed itself."""
    world.office.faults["confirm"] = [Fault.LOST] * 3
    _come(world)
    await world.till.sell(SALE)
    if world.till.paper[SALE] == PAID:
        await world.till.refund(REFUND, SALE, 24_900)


async def refund_by_phone(world: World) -> None:
    """The buyer holds the phone there once more."""
    _come(world)
    await world.till.sell(SALE)
    if world.till.paper[SALE] == PAID:
        await world.quiet()
        _come(world)
        await world.till.refund(REFUND, SALE, 24_900, phone=True)


async def two_tills(world: World) -> None:
    """Two receivers at once, one of whose confirmations is lost."""
    world.office.faults["confirm"] = [Fault.LOST]
    world.beside(world.buyers[0].pay(world.counters[TILL]))
    world.beside(world.buyers[1].pay(world.counters[NEXT]))
    await asyncio.gather(world.till.sell(SALE), world.till.sell(OTHER, till=NEXT, wish=Wish.CANCEL))


async def archived(world: World) -> None:
    """Each sale that closes moves the journal to an archive, with another sale open."""
    world.office.faults["confirm"] = [Fault.LOST] * 2
    _come(world)
    await world.till.sell(SALE)
    _come(world)
    await world.till.sell(OTHER, wish=Wish.CANCEL)
    await world.quiet()
    if world.till.paper[SALE] == PAID:
        await world.till.refund(REFUND, SALE, 10_000)


CASES = (
    Case(plain, (Event.TILL_NOTIFIED, Event.PAID, Event.POSTED)),
    Case(by_events, (Event.MENDABLE, Event.TILL_NOTIFIED, Event.POSTED), watched=True),
    Case(cancelled, (Event.TILL_NOTIFIED, Event.REVERSAL_OWED, Event.REVERSED)),
    Case(aborted, (Event.REVERSAL_OWED, Event.REVERSED)),
    Case(mended, (Event.MENDABLE, Event.POSTED)),
    Case(recalled, (Event.RECALLED, Event.RECALL_REVERSED, Event.POSTED)),
    Case(silent, (Event.REVERSAL_OWED, Event.REVERSED)),
    Case(mute, (Event.REVERSAL_OWED, Event.REVERSED)),
    Case(answered_late, (Event.POSTED,)),
    Case(overtaken, (Event.REVERSAL_OWED, Event.REVERSED, Event.POSTED)),
    Case(unconfirmed, (Event.POSTED,)),
    Case(unfetched, (Event.REVERSAL_OWED, Event.REVERSED)),
    Case(
        offline,
        (Event.ACCEPTED_OFFLINE, Event.PROVISIONAL_RECEIPT, Event.UPLOADED, Event.POSTED),
        offline=True,
    ),
    Case(offline_declined, (Event.ACCEPTED_OFFLINE, Event.LIABILITY), offline=True),
    Case(
        offline_cancelled,
        (Event.ACCEPTED_OFFLINE, Event.REVERSAL_OWED, Event.REVERSED),
        offline=True,
    ),
    Case(
        offline_limits, (Event.ACCEPTED_OFFLINE, Event.REVERSAL_OWED, Event.REVERSED), offline=True
    ),
    Case(refunded, (Event.REFUND_ORDERED,)),
    Case(refund_declined, (Event.REFUND_ORDERED, Event.DECLINED)),
    Case(refund_before_posted, (Event.REFUND_ORDERED, Event.POSTED)),
    Case(refund_by_phone, (Event.POSTED,)),
    Case(two_tills, (Event.POSTED, Event.REVERSED), tills=(TILL, NEXT)),
    Case(archived, (Event.POSTED, Event.REVERSED, Event.REFUND_ORDERED), archive_at=1),
)


def _come(world: World, *codes: str) -> None:
    """A buyer stands there until the sale is over."""
    world.beside(world.buyers[0].pay(world.counters[TILL], *codes))


def _asked(world: World) -> bool:
    return any(kind == "authorise" for kind, _ in world.office.sent)


async def _away(world: World) -> None:
    """The authority goes away once the bridge knows its limits."""
    await world.until(lambda: ("revocations", b"") in world.office.sent)
    await asyncio.sleep(1)
    world.office.away = True


def _refund_elsewhere(world: World) -> None:
    """At another store of the same issuer, of nearly all that there was."""
    posted = world.office.store.rows(
        "SELECT transaction_id FROM transactions WHERE state = 'POSTED'"
    )
    if not posted:  # its journal was lost
        return
    [(transaction_id,)] = posted
    there = template().receivers[NEXT].receiver_id
    order = Order(bytes(16), there, transaction_id, ELSEWHERE, evidence.SEK)
    if world.office.refund(order).reason:
        raise RuntimeError("the other refund was declined")
    world.till.rung[OTHER], world.till.paper[OTHER] = Rung(NEXT, ELSEWHERE, SALE), REFUNDED
