"""`tillsign measure` against a whole world, with real processes: all but the air is real."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from simulator.phone.app.app import Adapter
from simulator.phone.app.buyer import DEMO_CODE
from simulator.phone.transport.bleak_backend import phone_radio
from simulator.phone.wallet.wallet import Wallet
from simulator.processes.child_process import Ended
from simulator.tools.measure.purchase import MeasuredPurchase, Setting
from simulator.tools.measure.till_side import BridgeTill, HandTill
from simulator.tools.promise import report
from simulator.tools.promise.breakdown import APPROVED, CHECKED, COLD
from simulator.tools.promise.figures import PromiseFigure
from simulator.tools.promise.record import NOT_PAID, PAID, Outcomes
from simulator.tools.promise.report import Cell, PromiseReport
from simulator.world.control import WorldControl
from simulator.world.till import Till
from simulator.world.world import TILL
from tests.support.world.balance import balances
from tests.support.world.checkout import PATIENCE, Checkout, checkout
from tests.support.world.commands import tillsign

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def till() -> AsyncIterator[Checkout]:
    async with checkout() as one:
        yield one


def found(ended: Ended) -> PromiseReport:
    return msgspec.json.decode(ended.out, type=PromiseReport)


def figure(cell: Cell, key: str) -> PromiseFigure:
    return next(one for one in cell.figures if one.key == key)


def setting(radio: Adapter, wallet: Wallet, code: str = DEMO_CODE) -> Setting:
    return Setting("here", "this computer", wallet, radio, code, 0.0)


async def test_a_world_is_measured_and_nothing_stays_booked(till: Checkout, tmp_path: Path) -> None:
    """Every other purchase with the phone there before the amount."""
    till.begin()
    async with WorldControl(till.world) as control:
        line = ("measure", "--world", control.url, "--repetitions", "4", "--typing", "0.1")
        labels = ("--air", "shop", "--profile", "ios", "--output", str(tmp_path / "report.json"))
        ended = await tillsign(tmp_path, *line, *labels, "--json")
    measured = found(ended)
    assert ended.code == (0 if measured.is_ok else 1)  # by times, which are not judged here
    assert report.load(tmp_path / "report.json") == measured
    (cell,) = measured.cells
    assert (cell.air, cell.profile, cell.purchases, cell.failures) == ("shop", "ios", 4, [])
    assert figure(cell, "success").value == 1
    assert figure(cell, "differently").value == 0
    assert [figure(cell, key).of for key in ("offer_p50", "offer_checked_p50")] == [2, 2]
    assert [figure(cell, key).of for key in ("phone_p95", "till_p95")] == [4, 4]
    times = [one.value for one in cell.figures if one.kind == "s" and one.of]
    assert all(value is not None and 0 < value < PATIENCE for value in times)
    assert {one.stretch for one in cell.breakdowns} == {COLD, CHECKED, APPROVED}
    assert set(till.new_transactions().values()) == {"VOIDED"}
    assert len(till.new_transactions()) == 4
    assert till.spent() == 0
    await balances(till)


async def test_a_bridge_with_a_stored_phone(till: Checkout, tmp_path: Path) -> None:
    """A wrong code fails each purchase; the report says why, and the exit code is 1."""
    wallet = await till.world.new_wallet()
    wallet.path = tmp_path / "wallet.json"
    wallet.save()
    bridge = ("--bridge", till.world.bridge.till_api, "--till", str(TILL))
    phone = ("--wallet", str(wallet.path), "--radio", till.world.radio.phones, "--code", "000000")
    output = ("--output", str(tmp_path / "report.json"))
    line = ("measure", *bridge, *phone, *output, "--repetitions", "1", "--typing", "0")
    ended = await tillsign(tmp_path, *line)
    assert ended.code == 1
    assert "purchase 1 failed: declined code_wrong" in ended.out
    assert "succeed without a second try" in ended.out
    (cell,) = report.load(tmp_path / "report.json").cells
    assert figure(cell, "offer_p95").value is not None
    assert figure(cell, "success").value == 0
    other = (*bridge[:2], "--till", "99")
    ended = await tillsign(tmp_path, "measure", *other, *phone, *output)
    assert ended.code == 1
    assert f"the bridge has no till 99; it has {TILL}" in ended.err


async def test_a_person_rings_up(till: Checkout) -> None:
    """Nothing is seen of the till; the authority's word stands for it."""
    loop, asked = asyncio.get_running_loop(), list[str]()
    rung: list[str] = []

    async def act() -> None:
        if len(asked) == 1:
            mark = len(till.events)
            sale = await till.world.till.ring_up(100)
            await till.told(sale, "offered", mark)
            rung.append(sale["sale_id"])
        else:
            await till.world.till.look(rung[0])
            await till.world.till.cancel(rung[0])

    def person(text: str) -> None:
        asked.append(text)
        asyncio.run_coroutine_threadsafe(act(), loop).result(PATIENCE)

    wallet = await till.world.new_wallet()
    async with phone_radio(till.world.radio.phones) as radio, HandTill(TILL, person) as hand:
        one = MeasuredPurchase(setting(radio, wallet), hand, 0, checked_in=False)
        record = await one.run()
    assert ["Ring up" in asked[0], "Cancel" in asked[1], len(asked)] == [True, True, 2]
    assert record.succeeded
    assert record.approved_till is None
    assert 0 < record.offer_s < PATIENCE
    assert 0 < record.phone_s < PATIENCE


async def test_a_purchase_that_fails_leaves_the_till_free_for_the_next(till: Checkout) -> None:
    """The phone is there before the amount in both; a bridge with one till needs no number."""
    wallet = await till.world.new_wallet()
    async with (
        phone_radio(till.world.radio.phones) as radio,
        BridgeTill(Till(till.world.bridge.till_api), None) as side,
    ):
        assert side.number == TILL
        wrong = MeasuredPurchase(setting(radio, wallet, "000000"), side, 0, checked_in=True)
        failed = await wrong.run()
        right = MeasuredPurchase(setting(radio, wallet), side, 1, checked_in=True)
        paid = await right.run()
    assert failed.outcomes == Outcomes(NOT_PAID, NOT_PAID, NOT_PAID)
    assert "code_wrong" in failed.reason
    assert paid.outcomes == Outcomes(PAID, PAID, PAID)
    assert failed.checked_in
    assert paid.checked_in


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ((), "--wallet FILE says whose"),
        (("--repetitions", "0"), "a number from 1 to 10000"),
        (("--typing", "31"), "seconds from 0 to 30"),
        (("--code", "12345"), "six digits"),
        (("--bridge", "http://127.0.0.1:1"), "goes with --till N"),
        (("--world", "--token-file", "x"), "go with --bridge"),
        (("--wallet", "missing.json"), "is not a wallet"),
        (("--world", "http://127.0.0.1:1"), "did not provide a phone"),
    ],
)
async def test_usage(tmp_path: Path, line: tuple[str, ...], said: str) -> None:
    ended = await tillsign(tmp_path, "measure", *line)
    assert ended.code == (1 if "provide" in said else 2)
    assert said in ended.err


async def test_without_a_terminal_no_person_rings_up(till: Checkout, tmp_path: Path) -> None:
    wallet = await till.world.new_wallet()
    wallet.path = tmp_path / "wallet.json"
    wallet.save()
    radio = ("--radio", till.world.radio.phones)
    ended = await tillsign(tmp_path, "measure", "--wallet", str(wallet.path), *radio)
    assert ended.code == 1
    assert "--bridge or --world rings up by itself" in ended.err
    assert json.loads(wallet.path.read_text())
