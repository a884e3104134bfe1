"""A sale under attack: one named cause, nothing held, and an honest phone that pays after all.

What a refused phone learns is one code of five; the cause is for the bridge, its counters and log.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from receiver.protocol import exchange
from simulator.phone.conversation import events
from simulator.phone.conversation.events import Outcome
from simulator.phone.wallet.wallet import Wallet
from simulator.processes.child_process import ChildProcess
from tests.support.bridge.device import PATIENCE_S
from tests.support.world.checkout import PRICE, Checkout, Json

NOT_PAID = (events.REFUSED, events.UNKNOWN, events.LOST)


@asynccontextmanager
async def withstood(
    till: Checkout, *names: str, learns: int = exchange.REFUSED
) -> AsyncIterator[Json]:
    """A sale with an attack inside: refused by these names, and then paid by an honest phone.

    No phone that is refused inside learns anything else than `learns`.
    """
    async with named(till, *names), paid_after_all(till) as sale:
        mark = len(till.steps)
        yield sale
        assert learnt(till, mark) <= {learns}


@asynccontextmanager
async def named(till: Checkout, *names: str) -> AsyncIterator[None]:
    """What happens inside is refused by these names, counted and logged as often as they stand."""
    log = till.world.bridge.log
    mark = log.stat().st_size
    async with till.refusing(*names):
        yield
    assert Counter(await _refused(log, mark, len(names))) == Counter(names)


@asynccontextmanager
async def paid_after_all(till: Checkout) -> AsyncIterator[Json]:
    """A sale that takes no money inside, and afterwards that of an honest phone, once."""
    known, space = till.transactions(), till.credit_space()
    sale = await till.ring_up()
    yield sale
    assert till.transactions(but=known) == {}
    outcome = await pays(till, sale)
    assert till.transactions(but=known) == {outcome.approval_id.hex(): "PENDING"}
    assert till.credit_space() == space - PRICE


async def pays(till: Checkout, sale: Json, wallet: Wallet | None = None) -> Outcome:
    """An honest phone pays this sale."""
    outcome = await till.buy(wallet=wallet)
    final = await till.outcome(sale)
    assert (outcome.result, final["state"], final["reason"]) == (events.APPROVED, "approved", None)
    assert outcome.approval_id.hex() == final["approval_id"]
    return outcome


async def _refused(log: Path, mark: int, count: int) -> list[str]:
    """The reasons in a log's lines of refusals, once there are so many: it is written aside."""
    more = ("tail", "-c", f"+{mark + 1}", "-f", str(log))
    tail = await ChildProcess.start(*more)
    found: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            while len(found) < count:
                fields = json.loads(await tail.stdout.readline())
                found += [fields["reason"]] if fields["event"] == "refused" else []
    finally:
        await tail.stop()
    return found


def learnt(till: Checkout, since: int) -> set[int]:
    """The codes that phones have read in refusals, from step number `since` on."""
    return {step.details["code"] for step in till.steps[since:] if step.name == "refusal"}


def tries(till: Checkout, wallet: Wallet) -> int:
    """How many wrong codes in a row the authority has counted for this phone."""
    query = "SELECT tries FROM phones WHERE id = ?"
    count: int = till.world.authority.office.store.value(query, wallet.phone_id)
    return count
