"""A bridge in this process, with its authority: one for each test that asks for it."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge.authority import circuit_breaker, retry
from bridge.sales import authorisation, provisioning
from tests.support.shop import offline_shop
from tests.support.shop.money import Names, Paper
from tests.support.shop.till import TILL, World, world_in
from tests.support.values import evidence

SOON_S = 0.2  # the most that passes between two requests to an authority that is away


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The terminal is where it is noon just now: no midnight comes in the middle of a test."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", f"NOON{time.gmtime().tm_hour - 12:+}")  # POSIX: hours west of Greenwich
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def root_logger() -> Iterator[None]:
    """The root logger, which is afterwards as it was."""
    logger = logging.getLogger()
    level, handlers = logger.level, logger.handlers[:]
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """An authority that is back is asked at once, however long a busy machine let it be away."""
    monkeypatch.setattr(retry, "OUTBOX_MOST_S", SOON_S)
    monkeypatch.setattr(provisioning, "OUTBOX_MOST_S", SOON_S)
    monkeypatch.setattr(authorisation, "CASHIER_MOST_S", SOON_S)
    monkeypatch.setattr(circuit_breaker, "REST_MS", int(SOON_S * 1000))


@pytest.fixture
async def stopped(tmp_path: Path, soon: None) -> AsyncIterator[World]:
    """A till and its authority, with the bridge between them still to be started."""
    async with world_in(tmp_path) as world:
        yield world


@pytest.fixture
async def world(stopped: World) -> AsyncIterator[World]:
    """The same with its bridge."""
    async with stopped.bridge():
        yield stopped


@pytest.fixture
def paper(stopped: World) -> Iterator[Paper]:
    """What the till keeps: held against ledger and journal when the bridge has stopped."""
    one = Paper(stopped.authority, Names(stopped.config.id, {TILL: evidence.RECEIVER_ID}))
    yield one
    one.must_agree(stopped.config.journal)


@pytest.fixture
async def allowed(stopped: World) -> World:
    """The same, which may sell without the authority."""
    await offline_shop.allow(stopped)
    return stopped


@pytest.fixture
async def shop(allowed: World) -> AsyncIterator[World]:
    """With a bridge that has the authority's limits, and then no authority."""
    async with allowed.bridge():
        await offline_shop.alone(allowed)
        yield allowed
