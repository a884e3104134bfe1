"""Real processes: power and line are cut while money is under way, and two want one journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from signal import SIGTERM

import pytest
import pytest_asyncio

from bridge.config import configuration
from simulator.phone.wallet.wallet import Wallet
from simulator.world.till import TillError
from simulator.world.world import TILL
from tests.support.shop.money import Names, Paper
from tests.support.world.checkout import PATIENCE, Checkout, Json
from tests.support.world.commands import tillsign

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER_S = 0.3  # of an authority that takes its time
CUT_MS = 250  # some frames are lost, and sent again
MOMENTS = (
    "offered",
    "claimed",
    "approval_received",
    "authorisation_sent",
    "verified",
    "till_notified",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_paper(counter: Checkout) -> Paper:
    """Of the one till of this module, from the first sale on."""
    (receiver,) = await counter.world.till.receivers()
    receiver_id = bytes.fromhex(receiver["hello"]["receiver_id"])
    names = Names(configuration.load(counter.world.bridge.config).id, {TILL: receiver_id})
    return Paper(counter.world.authority, names)


@pytest_asyncio.fixture(loop_scope="module")
async def paper(till: Checkout, module_paper: Paper) -> AsyncIterator[Paper]:
    """Held against ledger and journal when the bridge has stopped once more."""
    yield module_paper
    await till.restart_bridge(SIGTERM)
    module_paper.must_agree(journal(till))


def journal(till: Checkout) -> Path:
    return till.world.bridge.directory / "journal.sqlite"


async def lose_power(till: Checkout) -> None:
    """The port goes with the receiver, which comes back as after any start."""
    mark = len(till.events)
    await till.ask("unplug")
    await till.ask("reset")
    await till.receiver(up=False, since=mark)
    await till.ask("replug")
    await till.receiver(up=True, since=mark)


async def cut_line(till: Checkout) -> None:
    """In the middle of whatever frame is on it."""
    await till.ask("cut", ms=CUT_MS)


@pytest.mark.parametrize("fault", [lose_power, cut_line], ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("moment", MOMENTS)
async def test_cut_off_in_a_sale(
    till: Checkout,
    other: Wallet,
    paper: Paper,
    fault: Callable[[Checkout], Awaitable[None]],
    moment: str,
) -> None:
    """However that ends, cashier and bridge agree on it, and so do the books."""
    till.slow_down(ANSWER_S)
    sale = await till.ring()
    buying = asyncio.create_task(till.buy(wallet=other))
    looking = asyncio.create_task(till.outcome(sale))  # else nobody is told
    await till.told(sale, moment)
    await fault(till)
    if fault is cut_line:
        await looking
    await is_over(till, paper, sale)
    await looking
    buying.cancel()
    await asyncio.wait({buying})
    till.world.authority.faults.clear()
    await sells(till, paper)


async def is_over(till: Checkout, paper: Paper, sale: Json) -> None:
    """The cashier waits no longer, or takes the money that is there."""
    sale_id = sale["sale_id"]
    try:
        final = await till.world.till.abort(sale_id)
    except TillError as late:
        final = late.problem["sale"]
    if final["state"] == "approved":
        final = await till.world.till.paid(sale_id)
    paper.keep(final)
    await is_settled(till)


async def is_settled(till: Checkout) -> None:
    """Until the authority has nothing more to hear."""
    async with asyncio.timeout(PATIENCE), till.world.till.watch() as events:
        while (await till.world.till.send_now())["depth"]:
            await anext(events)


async def sells(till: Checkout, paper: Paper) -> None:
    """An ordinary sale, from beginning to end."""
    sale = await till.ring_up()
    buying = asyncio.create_task(till.buy())
    assert (await till.outcome(sale))["state"] == "approved"
    await buying
    paper.keep(await till.world.till.paid(sale["sale_id"]))
    await is_settled(till)


async def test_two_bridges_with_one_journal(till: Checkout, paper: Paper, tmp_path: Path) -> None:
    """The second says who has it, and ends; the first does not even notice."""
    sale = await till.ring_up()
    path, holder = str(till.world.bridge.config), till.world.bridge.pid
    ended = await tillsign(tmp_path, "bridge", "run", "--config", path)
    assert (ended.code, ended.out) == (1, "")
    assert f"locked by process {holder}" in ended.err
    buying = asyncio.create_task(till.buy())
    assert (await till.outcome(sale))["state"] == "approved"
    await buying
    await is_over(till, paper, sale)


async def test_a_damaged_journal(till: Checkout, paper: Paper, tmp_path: Path) -> None:
    """The bridge does not start, says why, and has not touched it; with a good copy it does."""
    await till.world.bridge.stop()
    path = journal(till)
    good = path.read_bytes()
    second = int.from_bytes(good[16:18], "big")  # SQLite's page size: the first table begins there
    damaged = good[:second] + bytes(100) + good[second + 100 :]
    assert damaged != good
    path.write_bytes(damaged)
    ended = await tillsign(tmp_path, "bridge", "run", "--config", str(till.world.bridge.config))
    assert (ended.code, ended.out) == (1, "")
    assert str(path) in ended.err
    assert "tillsign journal verify" in ended.err
    assert path.read_bytes() == damaged
    path.write_bytes(good)
    await till.restart_bridge(SIGTERM)
    await sells(till, paper)
