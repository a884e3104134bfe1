"""The arithmetic of a load: arrivals, spreads, phases."""

from __future__ import annotations

import os
import random

import pytest

from simulator.tools.load import figures
from simulator.tools.load.figures import Spread, spread
from simulator.tools.load.run import LoadPlan, arrivals


def test_a_spread_is_of_values_that_were_measured() -> None:
    assert spread([3.0]) == Spread(3.0, 3.0)
    assert spread([float(n) for n in range(100, 0, -1)]) == Spread(50.0, 99.0)
    assert spread([1.0, 2.0, 3.0, 100.0]) == Spread(2.0, 100.0)
    with pytest.raises(ValueError, match="no values"):
        spread([])


def test_as_many_sales_come_as_were_planned_in_the_time_that_it_takes() -> None:
    times = arrivals(LoadPlan(sales=500, rate=50), random.Random(1))
    assert len(times) == 500
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= 10
    assert times == arrivals(LoadPlan(sales=500, rate=50), random.Random(1))
    assert times != arrivals(LoadPlan(sales=500, rate=50), random.Random(2))


def test_without_a_rate_all_come_at_once() -> None:
    assert arrivals(LoadPlan(sales=3), random.Random(1)) == [0, 0, 0]


def test_a_process_has_memory_and_has_worked() -> None:
    assert figures.memory(os.getpid()) > 1_000_000
    assert figures.cpu_seconds(os.getpid()) > 0
