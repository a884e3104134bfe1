"""`tillsign firmware demo`: every step holds, and programs can read them."""

from __future__ import annotations

import json
import sys
from asyncio.subprocess import PIPE

import pytest

from simulator.processes.child_process import ChildProcess
from simulator.tools.workshop.story import STEPS

pytestmark = [pytest.mark.processes, pytest.mark.long]


async def test_from_the_build_to_a_sale_with_other_firmware() -> None:
    demo = await ChildProcess.start(
        sys.executable, "-m", "bridge.cli", "firmware", "demo", "--json", stderr=PIPE
    )
    ended = await demo.ended()
    told = json.loads(ended.out)
    assert told["failure"] is None, ended.err
    assert ended.code == 0
    steps = {step["step"]: step for step in told["steps"]}
    assert list(steps) == [step.name for step in STEPS]
    sales = [steps[name] for name in ("sell", "sell_after_cut", "sell_after_update")]
    assert [sale["state"] for sale in sales] == ["paid"] * 3
    before, after_cut, after_update = [sale["firmware_hash"] for sale in sales]
    assert before == after_cut == steps["build"]["firmware_hash"] != after_update
    assert len({sale["transaction_id"] for sale in sales}) == 3
    assert 0 < steps["cut"]["sent"] < steps["cut"]["of"]
    assert steps["update"] | {"release": 2, "outcome": "installed"} == steps["update"]
    assert len(steps["enrol_receiver"]["words"]) == 6


async def test_a_folder_that_is_there_is_left_alone(tmp_path: object) -> None:
    demo = await ChildProcess.start(
        sys.executable, "-m", "bridge.cli", "firmware", "demo", "--keep", str(tmp_path), stderr=PIPE
    )
    ended = await demo.ended()
    assert ended.code == 2
    assert "name a new folder" in ended.err
