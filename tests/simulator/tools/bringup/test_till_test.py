"""`tillsign receiver test` at a till with a bridge: it sells one öre, and nothing stays booked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from simulator.tools.bringup import purchase
from simulator.world.world import TILL
from tests.support.world.balance import balances
from tests.support.world.checkout import Checkout, checkout
from tests.support.world.commands import tillsign

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def till() -> AsyncIterator[Checkout]:
    async with checkout() as one:
        yield one


def command(till: Checkout, *more: str) -> tuple[str, ...]:
    return ("receiver", "test", "--till", str(TILL), "--radio", till.world.radio.phones, *more)


def wallet_in(till: Checkout, folder: Path) -> str:
    path = folder / "wallet.json"
    till.wallet.path = path
    till.wallet.save()
    till.wallet.path = None
    return str(path)


async def test_a_till_that_sells(till: Checkout, tmp_path: Path) -> None:
    till.begin()
    api = ("--till-api", till.world.bridge.till_api)
    wallet = wallet_in(till, tmp_path)
    ended = await tillsign(tmp_path, *command(till, *api, "--wallet", wallet))
    assert (ended.code, ended.err) == (0, "")
    assert "This till sells" in ended.out
    assert "nothing is invoiced" in ended.out
    (state,) = till.new_transactions().values()
    assert state == "VOIDED"
    assert till.spent() == 0
    await balances(till)


async def test_a_till_that_does_not(till: Checkout, tmp_path: Path) -> None:
    """A wrong code, a till that is not there, a bridge that is not there: in words."""
    api = ("--till-api", till.world.bridge.till_api)
    wallet = wallet_in(till, tmp_path)
    ended = await tillsign(
        tmp_path, *command(till, *api, "--wallet", wallet, "--code", "000000", "--json")
    )
    value = json.loads(ended.out)
    assert (ended.code, value["sells"]) == (1, False)
    assert "code_wrong" in value["problem"]
    ended = await tillsign(tmp_path, *command(till, *api, "--wallet", wallet, "--till", "9"))
    assert ended.code == 1
    assert "no till 9; it has 7" in ended.err
    away = ("--till-api", "http://127.0.0.1:1", "--wallet", wallet)
    ended = await tillsign(tmp_path, *command(till, *away))
    assert (ended.code, "does not answer" in ended.err) == (1, True)


async def test_from_its_configuration_and_an_activation(till: Checkout, tmp_path: Path) -> None:
    """The bridge does not run, and the phone is made first."""
    await till.close()
    await till.world.bridge.stop()
    buyer = till.world.people.buyers[0].id
    word = await asyncio.to_thread(till.world.authority.activation, buyer)
    wallet = ("--wallet", str(tmp_path / "new.json"))
    config = ("--config", str(till.world.bridge.config))
    ended = await tillsign(tmp_path, *command(till, *config, *wallet, "--activation", word))
    assert (ended.code, ended.err) == (0, "")
    ended = await tillsign(tmp_path, *command(till, *config, *wallet))
    assert ended.code == 0
    broken = tmp_path / "broken.toml"
    broken.write_text("[bridge]\n")
    ended = await tillsign(tmp_path, *command(till, "--config", str(broken), *wallet))
    assert ended.code == 1
    assert "did not start" in ended.err


async def test_usage(tmp_path: Path) -> None:
    api = ("--till-api", "http://127.0.0.1:1")
    wallet = ("--till", "1", "--wallet", str(tmp_path / "none"))
    nowhere = ("--radio", "tcp:127.0.0.1:1")
    for line, code, said in (
        (api, 2, "--till N and --wallet FILE"),
        ((*api, *wallet), 2, "there is no"),
        ((*api, *wallet, "--activation", "x"), 2, "--config"),
        (("--port", "/dev/none", *api), 2, "not allowed with"),
        (("--port", "/dev/none", *nowhere), 1, "no simulated radio"),
    ):
        ended = await tillsign(tmp_path, "receiver", "test", *line)
        assert ended.code == code
        assert said in ended.err


async def test_errors_in_words() -> None:
    for error in (FileNotFoundError("x"), TimeoutError(), purchase.PurchaseError("why")):
        assert purchase.in_words(error)
