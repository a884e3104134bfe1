"""Another program holds the journal's lock: sales wait, none is lost or doubled, and it is said."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Any

import aiohttp
import pytest

from bridge.books import commits
from bridge.journal import Journal
from bridge.journal.reader import Reader
from bridge.till.rest import journal_stalled
from receiver.link import wire
from simulator.authority import Fault
from simulator.processes.child_process import ChildProcess
from tests.bridge.cli.test_cli import written
from tests.support.bridge.device import PATIENCE_S
from tests.support.shop.money import Paper, ends, sells
from tests.support.shop.till import AMOUNT, SALE, World, outcome
from tests.support.world.commands import started

pytestmark = pytest.mark.processes

NEXT = "sale-of-the-next-buyer"
BODY = {"sale_id": SALE, "amount": AMOUNT, "currency": "SEK"}
LOCKED = "journal_locked"
PATH = f"/v1/sales/{SALE}"


@contextmanager
def locked(journal: Path) -> Iterator[Callable[[], None]]:
    """By a second program that writes the file; gives what ends it."""
    with closing(sqlite3.connect(journal, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")

        def release() -> None:
            if db.in_transaction:
                db.execute("ROLLBACK")

        yield release


async def refused(world: World, path: str, **request: Any) -> None:
    """With what a till needs to come again."""
    async with world.http.post(path, **request) as response:
        problem = await response.json(content_type=None)
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert problem["type"] == "urn:tillsign:problem:journal-locked"


async def looks_unknown(world: World) -> None:
    """The till sees that it is not known yet, and why; nothing of an answer."""
    sale = await world.sale(wait=0)
    assert outcome(sale) == ("unknown", LOCKED)
    assert {sale[name] for name in ("transaction_id", "receipt", "settlement")} == {None}


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cashier with no patience: every lock is a long one."""
    monkeypatch.setattr(journal_stalled, "CASHIER_S", 0.01)


# A lock that is gone before a cashier would notice.


async def ring(world: World) -> None:
    await world.ring()


async def pay(world: World) -> None:
    await world.device.offered()
    await world.pay()
    assert (await approved(world))["state"] == "approved"


async def approved(world: World) -> Any:
    """As a till that asks again while it is unknown."""
    while (sale := await world.sale())["state"] != "approved":
        assert sale["state"] in ("unknown", "authorising")
    return sale


async def decide(world: World) -> None:
    assert (await world.decide("paid"))["state"] == "paid"


STEPS = (ring, pay, decide)


@pytest.mark.parametrize("at", STEPS)
async def test_a_short_lock(
    paper: Paper, world: World, at: Callable[[World], Awaitable[None]]
) -> None:
    """Each request gets its ordinary answer, a little later."""
    for step in STEPS:
        if step is not at:
            await step(world)
            continue
        with locked(world.config.journal) as release:
            under_way = asyncio.create_task(step(world))
            await world.stalled("locked")
            release()
            await under_way
    await ends(world, paper)
    await sells(world, paper, NEXT)


# A lock that is there for longer.


async def test_nothing_is_rung_up(paper: Paper, world: World, hurried: None) -> None:
    """The one that met the lock is there afterwards, once; those after it are not."""
    with locked(world.config.journal) as release:
        await refused(world, "/v1/sales", json=BODY)
        assert (await world.call("GET", PATH))[0] == 503
        assert (await world.call("GET", "/v1/sales"))[1] == {"sales": []}
        await refused(world, "/v1/sales", json=BODY)
        await refused(world, "/v1/sales", json={**BODY, "sale_id": NEXT})
        assert (await world.call("GET", f"/v1/sales/{NEXT}"))[0] == 404
        assert not world.device.orders
        release()
        await world.device.heard(wire.OPEN)
    status, sale = await world.call("POST", "/v1/sales", json=BODY)
    assert (status, sale["state"]) == (200, "open")
    await world.pay()
    await world.sale()
    await ends(world, paper, "paid")
    await sells(world, paper, NEXT)


async def test_between_the_authority_s_yes_and_the_journal(
    paper: Paper, world: World, hurried: None
) -> None:
    """It is unknown until it is written, then approved; what the till asks meanwhile waits."""
    world.break_authority(Fault.FAIL, "/v1/authorisations")
    name = await world.bought()
    assert (await world.sale())["reason"]["code"] == "authority_unreachable"
    with locked(world.config.journal) as release:
        world.authority.faults.clear()
        await world.stalled("locked")
        assert world.transactions()[name] == "PENDING"
        await looks_unknown(world)
        waiting = asyncio.create_task(world.sale())
        status, page = await world.call("GET", "/v1/sales")
        assert (status, page["sales"][0]["reason"]["code"]) == (200, LOCKED)
        assert (await world.call("GET", "/v1/totals"))[0] == 503
        await refused(world, f"{PATH}/cancel")
        release()
        assert (await waiting)["state"] == "cancelled"
    await ends(world, paper)


async def test_what_is_approved_is_told_once_it_is_written(paper: Paper, world: World) -> None:
    world.break_authority(Fault.FAIL, "/v1/authorisations")
    await world.bought()
    await world.sale()
    with locked(world.config.journal) as release:
        world.authority.faults.clear()
        await world.stalled("locked")
        await looks_unknown(world)
        waiting = asyncio.create_task(world.sale())
        release()
        assert (await waiting)["state"] == "approved"
    await ends(world, paper, "paid")


async def test_paid_meanwhile(paper: Paper, world: World, hurried: None) -> None:
    """The authority hears nothing of it before it is written."""
    await world.approved()
    [name] = world.transactions()
    with locked(world.config.journal) as release:
        await refused(world, f"{PATH}/paid")
        await looks_unknown(world)
        await refused(world, f"{PATH}/paid")
        assert world.transactions() == {name: "PENDING"}
        release()
        known = world.daemon.service.books.find(SALE)
        assert known is not None
        assert await world.daemon.service.books.waiting.final(known, PATIENCE_S)
    await ends(world, paper, "paid")
    assert world.transactions() == {name: "POSTED"}


async def test_an_approval_that_is_not_acknowledged_in_time(paper: Paper, world: World) -> None:
    """The receiver's link gives up and begins anew, the approval comes again: one posting."""
    await world.ring_up()
    with locked(world.config.journal) as release:
        name = world.hand()
        async with asyncio.timeout(PATIENCE_S):
            await world.device.gave_up.wait()  # 4.65 s later
        world.device.approve(world.device.handed[-1])
        await world.stalled("locked")
        assert world.transactions() == {}
        release()
    world.device.judge(name)
    assert (await approved(world))["state"] == "approved"
    await ends(world, paper, "paid")
    assert world.transactions() == {name: "POSTED"}


async def test_another_till_goes_on(stopped: World, hurried: None) -> None:
    """What needs no write is answered while a till waits for one."""
    stopped.add_receiver(4)
    async with stopped.bridge():
        await stopped.ring(till=3)
        with locked(stopped.config.journal) as release:
            await refused(stopped, f"{PATH}/cancel")
            await refused(stopped, "/v1/sales", json={**BODY, "sale_id": NEXT, "till": 4})
            assert (await stopped.call("GET", "/v1/receivers"))[0] == 200
            async with stopped.http.get("/metrics") as response:
                text = await response.text()
            release()
        [line] = [it for it in text.splitlines() if it.startswith("tillsign_journal_stalled")]
        assert float(line.split()[1]) > 0
        assert (await stopped.sale())["state"] == "cancelled"


async def test_events_wait_and_keep_their_order(paper: Paper, world: World) -> None:
    """As they stand in the journal; but that it is granted is no event."""
    async with world.http.ws_connect("/v1/events?after=0&till=true") as watch:
        await world.ring_up()
        with locked(world.config.journal) as release:
            await world.pay()
            await world.stalled("locked")
            release()
        events = [await world.until(watch, event="sale") for _ in range(2)]
        while events[-1]["what"] != "till_notified":
            events.append(await world.until(watch, event="sale"))
    cursors = [event["cursor"] for event in events if event.get("cursor")]
    assert cursors == sorted(cursors)
    await ends(world, paper, "paid")
    with Reader(world.config.journal) as journal:
        kinds = [entry.kind for entry in journal.live() if entry.kind != "authorised"]
    told = [event["what"] for event in events if event.get("cursor")]
    assert told == kinds[: len(told)]


async def test_missed_events_wait_for_the_journal(world: World, hurried: None) -> None:
    await world.ring()
    with locked(world.config.journal) as release:
        await refused(world, f"{PATH}/cancel")
        with pytest.raises(aiohttp.WSServerHandshakeError) as found:
            await world.http.ws_connect("/v1/events?after=0")
        assert found.value.status == 503
        release()
    async with world.http.ws_connect("/v1/events?after=0") as watch:
        assert (await world.until(watch, what="cancelled"))["from"] in ("journal", "till")


# Starts and ends.


async def test_a_bridge_that_ends_while_it_is_locked(
    stopped: World,
    paper: Paper,
    hurried: None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It goes without what was told to none; the till says it again to the next one."""
    monkeypatch.setattr(commits, "END_S", 0.01)
    async with stopped.bridge():
        await stopped.approved()
        lock = locked(stopped.config.journal)
        release = lock.__enter__()
        await refused(stopped, f"{PATH}/paid")
    release()
    lock.__exit__(None, None, None)
    assert "the last facts are not in the journal" in caplog.messages
    async with stopped.bridge():
        assert (await stopped.sale())["state"] == "approved"
        await ends(stopped, paper, "paid")


@asynccontextmanager
async def managed(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """A service manager's socket; gives what waits for the next word in it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "notify"))
        door.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

        async def word() -> str:
            loop = asyncio.get_running_loop()
            return (await asyncio.wait_for(loop.sock_recv(door, 1000), PATIENCE_S)).decode()

        yield word


async def test_a_start_while_it_is_locked(
    stopped: World, paper: Paper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge serves once it is not; meanwhile the service manager is asked for patience."""
    async with stopped.bridge():
        await sells(stopped, paper, SALE)
    async with managed(stopped, tmp_path, monkeypatch) as word:
        with locked(stopped.config.journal) as release:
            starting = stopped.bridge()
            begun = asyncio.ensure_future(starting.__aenter__())
            said = await word()
            assert "EXTEND_TIMEOUT_USEC=" in said
            assert "locked by another program" in said
            release()
            await begun
        assert await word() == "STATUS=Starting"
    await sells(stopped, paper, NEXT)
    await starting.__aexit__(None, None, None)


async def test_a_start_that_is_given_up(tmp_path: Path) -> None:
    """SIGTERM ends a bridge that waits; it has named the process that is in its way."""
    path = written(tmp_path)
    Journal.open(tmp_path / "journal.sqlite").close()
    with locked(tmp_path / "journal.sqlite"):
        async with started(tmp_path, "bridge", "run", "--config", str(path)) as running:
            said = await running.said("waiting for the journal")
            assert f"(process {os.getpid()}, " in said
            ended = await running.stop(SIGTERM)
    assert (ended.code, ended.out) == (0, "")


HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


async def test_check_names_the_program(world: World) -> None:
    """Without a lock of its own; the bridge's writing is none to be named."""
    holding = await ChildProcess.start(
        *(sys.executable, "-c", HOLD, str(world.config.journal)), stdin=asyncio.subprocess.PIPE
    )
    await holding.ready()
    found = (await world.checked())["journal"]
    await holding.stop()
    assert not found.ok
    assert f"locked by another program (process {holding.pid}, " in found.detail
    assert (await world.checked())["journal"].ok
