"""A blank board with the real firmware becomes a receiver, whatever is cut on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.authority.enrolment_client import BearerClient
from bridge.config import configuration
from bridge.daemon.daemon import Daemon
from firmware.tools.board_line import BoardLine
from firmware.tools.enrol import procedure
from firmware.tools.enrol.progress import Progress
from receiver.encoding import schema
from receiver.host import whole_files
from receiver.protocol import enrolment, messages, pins, signed
from simulator.authority import Authority
from simulator.authority.accounts import bindings
from simulator.world.bridge import BridgeProcess, Place
from simulator.world.till import Till
from tests.support.shop.second_person import CutError, Cuts, SecondPerson, command, words_in
from tests.support.world.blank_till import PATIENCE_S, TERMS, TILL, BlankTill

pytestmark = pytest.mark.processes

DAY = 24 * 3600
PARTS = 4  # each cuts at every fourth step, so that the cores share them
STEPS = 14  # at least, of one enrolment


@pytest.fixture
async def till(tmp_path: Path) -> AsyncIterator[BlankTill]:
    async with BlankTill(tmp_path) as till:
        yield till


def stored(till: BlankTill) -> enrolment.Stored:
    data = (till.store / enrolment.STORED_NAME).read_bytes()
    value: enrolment.Stored = schema.decode(enrolment.STORED, data, enrolment.Stored)
    return value


def certificate(till: BlankTill) -> messages.Certificate:
    value: messages.Certificate = signed.parse(messages.CERTIFICATE, stored(till).certificate).value
    return value


def speaker(till: BlankTill) -> str | None:
    store = till.authority.office.store
    return bindings.client_of(store, certificate(till).receiver_id)


def files(value: dict[str, Any]) -> tuple[bytes, bytes]:
    """Certificate and pins that the command has left; its label is there as well."""
    assert [Path(file).exists() for file in value["label"]] == [True] * 3
    return Path(value["certificate"]).read_bytes(), Path(value["pins"]).read_bytes()


async def test_a_blank_board_becomes_a_receiver(
    till: BlankTill, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await till.enrolled(await till.ticket(), "--json") == 0
    said = capsys.readouterr()
    value, held = json.loads(said.out), stored(till)
    assert words_in(said.err, till.person.seen)
    assert value["words"] == till.person.seen[0]["words"]
    assert certificate(till).receiver_id.hex() == value["receiver_id"]
    assert certificate(till).store_name == TERMS["store_name"]
    assert (held.pins, held.till) == (pins.encode(till.authority.pins), TILL)
    assert files(value) == (held.certificate, held.pins)
    assert speaker(till) == till.client
    async with BoardLine(till.serial) as line:
        hello = await line.up(10)
    assert (hello.receiver_id.hex(), hello.fault) == (value["receiver_id"], 0)


async def test_a_second_run_changes_nothing(till: BlankTill) -> None:
    ticket = await till.ticket()
    assert await till.enrolled(ticket) == 0
    before = stored(till)
    assert await till.enrolled(ticket) == 0
    assert stored(till) == before
    assert len(till.person.seen) == 1


@pytest.mark.parametrize("first", range(PARTS))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_cut_at_every_step_is_repaired_by_the_same_command(
    till: BlankTill, monkeypatch: pytest.MonkeyPatch, after: bool, first: int
) -> None:
    """The laptop is killed at each order to the board, call of the authority, file written.

    At the first step the board is new, at each other one it was enrolled before.
    """
    at, cuts = first, True
    if first:
        assert await till.enrolled(await till.ticket()) == 0
    while cuts:
        moved = {} if at == 0 else {"purpose": "move", "receiver_id": known(till)}
        ticket, plan = await till.ticket(**moved), Cuts(at, after=after)
        with monkeypatch.context() as patch:
            patch.setattr(BearerClient, "ask", plan.around(BearerClient.ask))
            patch.setattr(whole_files, "write", plan.around(whole_files.write))
            patch.setattr(BoardLine, "order", plan.around_async(BoardLine.order))
            try:
                await till.enrolled(ticket)
            except CutError:
                assert plan.done
        cuts = plan.done
        assert await till.enrolled(ticket) == 0
        assert speaker(till) == till.client
        at += PARTS
    assert at - PARTS > STEPS  # the first of this part that no step reached
    assert await till.person.pending() == []
    assert (await till.person.admin("GET", "receivers"))["next"] is None


@pytest.mark.parametrize("fault", ["reset", "unplug"])
async def test_a_board_that_is_lost_at_every_order(
    till: BlankTill, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """Its power is cut, or its plug is pulled and put back, right after it took the order."""
    orders, loop = Orders(), asyncio.get_running_loop()
    order = BoardLine.order

    async def faulty(line: BoardLine, *arguments: Any, **named: Any) -> None:
        await order(line, *arguments, **named)
        if orders.is_hit():
            for do in (fault,) if fault == "reset" else (fault, "replug"):
                done = asyncio.run_coroutine_threadsafe(till.line.ask(do), loop)
                await asyncio.wrap_future(done)

    monkeypatch.setattr(BoardLine, "order", faulty)
    while orders.next():
        moved = {"purpose": "move", "receiver_id": known(till)} if orders.at else {}
        ticket = await till.ticket(**moved)
        assert await till.enrolled(ticket) == 0
        assert speaker(till) == till.client
    assert orders.at == len(("READ", "ENROL", "INSTALL"))


class Orders:
    """Counts orders, and says which one is hit: another one in each run."""

    def __init__(self) -> None:
        self.at = -1
        self._seen = 0
        self._hit = True

    def next(self) -> bool:
        """Begin the next run; false after a run in which no order was hit."""
        going, self._hit, self._seen = self._hit, False, 0
        self.at += going
        return going

    def is_hit(self) -> bool:
        self._seen += 1
        hit = self._seen == self.at + 1
        self._hit = self._hit or hit
        return hit


async def test_an_authority_that_goes_away_in_the_middle(
    till: BlankTill, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(procedure, "AGAIN_S", 0.05)
    loop, away = asyncio.get_running_loop(), asyncio.Event()

    def step(_: Progress, text: str) -> None:
        if text.startswith("wait for the authority"):
            loop.call_soon_threadsafe(away.set)

    monkeypatch.setattr(Progress, "step", step)
    ticket = await till.ticket()
    await till.authority.stop()
    run = asyncio.create_task(asyncio.to_thread(command(*till.enrolment(ticket))))
    async with asyncio.timeout(PATIENCE_S):
        await away.wait()
    await till.authority.start()
    await till.person.decides()
    assert await run == 0


async def test_the_second_person_says_no(
    till: BlankTill, capsys: pytest.CaptureFixture[str]
) -> None:
    ticket = await till.ticket()
    for _ in range(2):
        assert await till.person.beside(command(*till.enrolment(ticket)), "rejection") == 1
        assert "rejected it" in capsys.readouterr().err
    assert await till.enrolled(await till.ticket()) == 0, "with a new ticket"


async def test_another_board_under_the_same_ticket(
    till: BlankTill, capsys: pytest.CaptureFixture[str]
) -> None:
    """The board was reset between two runs: its key is another."""
    ticket = await till.ticket()
    assert await till.enrolled(ticket) == 0
    till.hold_button()
    assert await asyncio.to_thread(command("receiver", "reset", "--port", till.serial)) == 0
    assert await till.enrolled(ticket) == 1
    assert "another board" in capsys.readouterr().err


async def test_a_board_of_another_authority(
    till: BlankTill, capsys: pytest.CaptureFixture[str]
) -> None:
    """It keeps its keys until a person resets it, with its button held."""
    assert await till.enrolled(await till.ticket()) == 0
    before = stored(till)
    async with Authority(till.directory / "second") as other:
        till.authority, till.person = other, SecondPerson(other)
        ticket = await till.ticket()
        assert await till.enrolled(ticket) == 1
        assert "tillsign receiver reset" in capsys.readouterr().err
        assert stored(till) == before
        till.hold_button()
        reset = command("receiver", "reset", "--port", till.serial, "--json")
        assert await asyncio.to_thread(reset) == 0
        assert json.loads(capsys.readouterr().out)["receiver_id"]
        assert await till.enrolled(await till.ticket()) == 0
        assert stored(till).pins == pins.encode(other.pins)


async def test_moved_and_exchanged_and_revoked(
    till: BlankTill, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await till.enrolled(await till.ticket()) == 0
    first, key = known(till), certificate(till).key
    moved = await till.ticket(purpose="move", receiver_id=first, store_name="Across the street")
    assert await till.enrolled(moved) == 0
    assert (known(till), certificate(till).store_name) == (first, "Across the street")
    assert certificate(till).key != key
    exchanged = await till.ticket(purpose="exchange", receiver_id=first)
    assert await till.enrolled(exchanged) == 0
    assert known(till) != first
    token = tmp_path / "token"
    token.write_text(till.authority.admin_token)
    url, ca = till.authority.url, till.authority.ca.certificate
    place = ("--authority", url, "--ca", ca, "--token-file", token, "--receiver", known(till))
    assert await asyncio.to_thread(command("receiver", "revoke", *place)) == 0
    assert "is revoked" in capsys.readouterr().out
    assert speaker(till) is None
    rows = (await till.person.admin("GET", "receivers"))["receivers"]
    assert [row["revoked"] is not None for row in rows] == [True, True]


async def test_its_bridge_renews_it(till: BlankTill, tmp_path: Path) -> None:
    """200 days after its enrolment: the board sells under the new certificate, and keeps it."""
    till.clock.shift = -200 * DAY
    assert await till.enrolled(await till.ticket()) == 0
    till.clock.shift = 0
    place, old = till.directory / "out" / f"receiver-{TILL}.cose", stored(till).certificate
    identity = till.authority.ca.client("bridge")
    bridge = BridgeProcess(tmp_path / "bridge")
    row = Place(TILL, till.serial, place)
    pinned = place.with_name("pins.cbor")
    bridge.configure(till.authority, identity, [row], pins=pinned, timeout_s=5.0)
    async with Daemon(configuration.load(bridge.config)) as daemon, Till(daemon.till_url) as shop:
        assert (await till.sell(shop))["state"] == "approved"
        await daemon.renewing.look()
        assert daemon._renewal
        await daemon._renewal.look(anew=True)
        assert (await till.sell(shop))["state"] == "approved"
    fresh = place.read_bytes()
    assert fresh != old
    assert stored(till).certificate == fresh


async def test_a_label_from_the_board(
    till: BlankTill, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label = command("receiver", "label", "--port", till.serial, "--out", tmp_path / "label")
    assert await asyncio.to_thread(label) == 1
    assert "the board is not enrolled" in capsys.readouterr().err
    assert await till.enrolled(await till.ticket()) == 0
    assert await asyncio.to_thread(label) == 0
    assert f"Till {TILL}" in capsys.readouterr().out


def known(till: BlankTill) -> str:
    return certificate(till).receiver_id.hex()
