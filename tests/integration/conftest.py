"""Worlds to sell in: a whole one for each module that asks for it; a small one for each test."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from logging import WARNING
from pathlib import Path

import pytest
import pytest_asyncio

from simulator.phone.wallet.wallet import Wallet
from simulator.world.world import Settings
from tests import evidence
from tests.integration import offline_shop, till_world
from tests.integration.checkout import Checkout, checkout
from tests.integration.money import Names, Paper


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter() -> AsyncIterator[Checkout]:
    """One world for a whole module; `till` hands it out."""
    async with checkout(Settings(rate=0)) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def till(counter: Checkout, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Checkout]:
    """The module's world, with a free till; nothing in it may fail unseen.

    Bumble warns of what a hostile phone makes it do, such as to cut a link that is gone already.
    """
    yield counter
    await counter.tidy()
    ours = [it for it in caplog.get_records("call") if not it.name.startswith("bumble.")]
    assert not [record for record in ours if record.levelno >= WARNING]


@pytest_asyncio.fixture(loop_scope="module")
async def other(counter: Checkout) -> Wallet:
    """A phone that nobody has seen here before."""
    return await counter.world.new_wallet()


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The terminal is where it is noon just now: no midnight comes in the middle of a test."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", f"NOON{time.gmtime().tm_hour - 12:+}")  # POSIX: hours west of Greenwich
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
async def stopped(tmp_path: Path) -> AsyncIterator[till_world.World]:
    """A till and its authority, with the bridge between them still to be started."""
    async with till_world.world_in(tmp_path) as world:
        yield world


@pytest.fixture
async def world(stopped: till_world.World) -> AsyncIterator[till_world.World]:
    """The same with its bridge."""
    async with stopped.bridge():
        yield stopped


@pytest.fixture
def paper(stopped: till_world.World) -> Iterator[Paper]:
    """What the till keeps: held against ledger and journal when the bridge has stopped."""
    names = Names(stopped.config.id, {till_world.TILL: evidence.RECEIVER_ID})
    one = Paper(stopped.authority, names)
    yield one
    one.must_agree(stopped.config.journal)


@pytest.fixture
async def allowed(stopped: till_world.World) -> till_world.World:
    """The same, which may sell without the authority."""
    await offline_shop.allow(stopped)
    return stopped


@pytest.fixture
async def shop(allowed: till_world.World) -> AsyncIterator[till_world.World]:
    """With a bridge that has the authority's limits, and then no authority."""
    async with allowed.bridge():
        await offline_shop.alone(allowed)
        yield allowed
