"""A whole world for each module that asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from logging import WARNING

import pytest
import pytest_asyncio

from simulator.phone.wallet.wallet import Wallet
from simulator.world.world import Settings
from tests.support.world.checkout import Checkout, checkout


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter() -> AsyncIterator[Checkout]:
    """One world for a whole module; `till` hands it out."""
    async with checkout(Settings(rate=0)) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="module")
async def till(counter: Checkout, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Checkout]:
    """The module's world, with a free till that counts anew; nothing in it may fail unseen.

    Bumble warns of what a hostile phone makes it do, such as to cut a link that is gone already.
    """
    counter.begin()
    yield counter
    await counter.tidy()
    ours = [it for it in caplog.get_records("call") if not it.name.startswith("bumble.")]
    assert not [record for record in ours if record.levelno >= WARNING]


@pytest_asyncio.fixture(loop_scope="module")
async def other(counter: Checkout) -> Wallet:
    """A phone that nobody has seen here before."""
    return await counter.world.new_wallet()
