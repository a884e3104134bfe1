"""What the tests of the virtual store share: loops, a clock, and a radio in a hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from simulator.hardware.radio.model.chip import CHIP, ChipProfile
from simulator.virtual.clock import clock
from simulator.virtual.loop import Loop
from simulator.virtual.shop import VirtualShop
from tests.simulator.virtual.hand_radio import HandRadio

TILLS = (7, 8)

Work = Callable[..., Coroutine[Any, Any, None]]
Run = Callable[[Coroutine[Any, Any, None]], float]


@pytest.fixture
def run() -> Run:
    """Runs work in a loop and a clock of its own; returns the seconds that passed in it."""

    def ran(work: Coroutine[Any, Any, None]) -> float:
        loop = Loop()
        with clock(loop), asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(work)
        return loop.now

    return ran


class Store:
    """A shop, and the radios of its receivers by till."""

    def __init__(self, chip: ChipProfile = CHIP, seed: int = 1) -> None:
        self.radios = {till: HandRadio() for till in TILLS}
        self.shop = VirtualShop(seed, TILLS, chip, self.radios.__getitem__)


@pytest.fixture
def new_store() -> type[Store]:
    return Store
