"""The load, at a size that proves it: every process, every check, few sales."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from simulator.crypto.p256 import p256_private
from simulator.tools.load.http import LoadError
from simulator.tools.load.run import LoadPlan, Run
from simulator.tools.load.shop import load_shop

pytestmark = pytest.mark.processes

RECEIVERS = 4
PATIENCE_S = 60.0


def heard(_: int) -> None:
    """Nobody watches."""


async def test_every_sale_is_paid_and_posted(tmp_path: Path) -> None:
    plan = LoadPlan(sales=20, rate=40, marks=(10, 20))
    async with asyncio.timeout(PATIENCE_S), load_shop(tmp_path, RECEIVERS) as shop:
        result = await Run(shop, plan, heard).play()
    assert result.rate > 0
    assert 0 < result.own.median <= result.own.p99
    assert result.cpu > 0
    assert set(result.memory) == {10, 20}


async def test_a_sale_that_is_not_approved_ends_it(tmp_path: Path) -> None:
    async with asyncio.timeout(PATIENCE_S), load_shop(tmp_path, 1) as shop:
        shop.counters[0].wallet.code_private = p256_private()  # K is made from another
        with pytest.raises(ExceptionGroup) as failed:
            await Run(shop, LoadPlan(sales=2), heard).play()
    assert failed.group_contains(LoadError, match="declined")
