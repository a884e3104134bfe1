"""`python -m simulator.soak`: a short one, and whether it would notice."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from simulator.soak.plan import AUTHORITY, BRIDGE, RECEIVER, plan
from simulator.world.enrolment import ROOT

SALES, SEED = 16, 7
PATIENCE_S = 170.0  # it takes some 15


async def test_a_short_soak(tmp_path: Path) -> None:
    output = tmp_path / "soak.json"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator.child", "simulator.soak"),
        *("--sales", str(SALES), "--seed", str(SEED), "--output", str(output)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    text = out.decode()
    assert process.returncode == 0, text
    found = json.loads(output.read_text())
    assert set(found) == {"sales", "crashes", "posted", "lost", "doubled", "unknown"}
    assert found["sales"] == SALES
    assert found["posted"] > 0
    assert found["crashes"] >= len(plan(SALES, SEED, 4).kills)
    assert (found["lost"], found["doubled"], found["unknown"]) == (0, 0, 0)
    assert f"seed {SEED}" in text
    assert f"{SALES} of {SALES} sales" in text
    assert "\x1b" not in text


def test_the_same_seed_is_the_same_plan() -> None:
    assert plan(50, 3, 4) == plan(50, 3, 4)
    assert plan(50, 3, 4) != plan(50, 4, 4)


def test_every_plan_kills_everybody() -> None:
    for seed in range(20):
        assert {kill.victim for kill in plan(1, seed, 4).kills} == {BRIDGE, AUTHORITY, RECEIVER}
