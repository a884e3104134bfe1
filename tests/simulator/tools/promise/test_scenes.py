"""A short run of the simulated store, in every air with every kind of phone."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

import pytest

from simulator.hardware.radio.model.airs import AIRS
from simulator.hardware.radio.model.phones import PHONES
from simulator.tools.promise import __main__, report, scenes
from simulator.tools.promise.figures import MISSED
from simulator.tools.promise.jobs import SceneJob
from simulator.tools.promise.report import Cell, cell

pytestmark = pytest.mark.random

PURCHASES = 12  # of each air and profile


@pytest.fixture(scope="module", params=list(product(AIRS, PHONES)), ids="-".join)
def made(request: pytest.FixtureRequest) -> Cell:
    air, profile = request.param
    return cell(air, profile, scenes.by_scene(SceneJob(air, profile, 1, PURCHASES)))


def test_purchases_are_paid_and_told_alike(made: Cell) -> None:
    """No time is judged: twelve purchases prove nothing about a tail."""
    assert made.purchases == PURCHASES
    shown = {figure.key: figure for figure in made.figures}
    for key in ("differently", "wrong_approvable"):
        assert shown[key].verdict != MISSED, made.failures
    if made.air == "quiet":
        assert shown["success"].verdict != MISSED, made.failures
    assert made.breakdowns


def test_a_purchase_is_replayed_as_it_was_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = SceneJob("shop", "android-fast", 3, 4)
    records = scenes.by_scene(job)
    again = scenes.replay(job, 2)
    assert again.transcript
    again.transcript = []
    assert again == records[2]
    words = ["replay", "shop", "android-fast", "3", "2", "--scene", "4"]
    monkeypatch.setattr(sys, "argv", ["promise", *words])
    assert __main__.main() == 0
    printed = capsys.readouterr().out
    assert "phone found" in printed
    assert '"number": 2' in printed
    with pytest.raises(LookupError, match="purchases 0 to 3"):
        scenes.replay(job, 4)


def test_the_command_runs_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    words = ["--air", "quiet", "--profile", "ios", "--purchases", "4", "--scene", "4"]
    places = ["--folder", str(tmp_path / "records"), "--output", str(tmp_path / "promise.json")]
    monkeypatch.setattr(sys, "argv", ["promise", *words, *places, "--processes", "2"])
    assert __main__.main() in (0, 1)  # by times
    found = report.load(tmp_path / "promise.json")
    assert (found.broken, found.cells[0].purchases) == ([], 4)
