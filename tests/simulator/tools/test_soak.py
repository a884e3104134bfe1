"""`python -m simulator.tools.soak`: a short one, and whether it would notice."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from simulator.processes.child_process import ChildProcess
from simulator.tools.soak.plan import (
    AUTHORITY,
    BACKUP,
    BRIDGE,
    COPY_BACK,
    EXCHANGE,
    IMAGE,
    LOCK,
    PORT,
    RECEIVER,
    RENUMBER,
    RESTORE,
    plan,
)

pytestmark = pytest.mark.processes

SALES, SEED = 16, 7
PATIENCE_S = 170.0  # it takes some 30
MISTAKES = ("lost", "doubled", "unknown")
FAULTS = (
    *("backups", "restores", "copies put back", "locks"),
    *("renumbered", "exchanged", "unplugged"),
)


@pytest.mark.long
async def test_a_short_soak(tmp_path: Path) -> None:
    output = tmp_path / "soak.json"
    process = await ChildProcess.start_module(
        "simulator.tools.soak",
        *("--sales", str(SALES), "--seed", str(SEED), "--output", str(output)),
        stderr=asyncio.subprocess.STDOUT,
    )
    code, text, _ = await asyncio.wait_for(process.ended(), PATIENCE_S)
    assert code == 0, text
    found = json.loads(output.read_text())
    kills = [kill for kill in plan(SALES, SEED, 4).kills if kill.victim != PORT]
    assert set(found) == {"sales", "posted", "crashes", "liabilities", *FAULTS, *MISTAKES}
    assert found["sales"] == SALES
    assert found["posted"] > 0
    assert found["crashes"] >= len(kills)
    assert all(found[fault] for fault in FAULTS), text
    assert "the journal is recovered" in text
    assert (found["lost"], found["doubled"], found["unknown"]) == (0, 0, 0)
    assert f"seed {SEED}" in text
    assert f"{SALES} of {SALES} sales" in text
    assert "\x1b" not in text


def test_the_same_seed_is_the_same_plan() -> None:
    assert plan(50, 3, 4) == plan(50, 3, 4)
    assert plan(50, 3, 4) != plan(50, 4, 4)


def test_every_plan_has_everything() -> None:
    for seed in range(20):
        one = plan(8, seed, 4)
        assert {kill.victim for kill in one.kills} == {BRIDGE, AUTHORITY, RECEIVER, PORT}
        assert {fault.kind for fault in one.faults} == {LOCK, BACKUP, RESTORE, IMAGE, COPY_BACK}
        assert {change.kind for change in one.changes.values()} == {RENUMBER, EXCHANGE}
        assert set(one.changes) <= {order.number for order in one.orders}


def test_what_is_put_back_was_copied_before() -> None:
    for seed in range(20):
        kinds = [fault.kind for fault in plan(100, seed, 4).faults]
        assert kinds.index(BACKUP) < kinds.index(RESTORE)
        assert kinds.index(IMAGE) < kinds.index(COPY_BACK)
