"""`python -m simulator.tools.promise`: exit codes, reports, replays."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from simulator.tools.promise import __main__, report, scenes
from simulator.tools.promise.jobs import SceneJob
from simulator.tools.promise.record import Record
from tests.support.values.made_up_purchases import a_scene, bought

GOOD = {"shown": 2.125, "approved_phone": 7.25, "approved_till": 7.2, "authority_s": 0.1}


def all_well(job: SceneJob) -> list[Record]:
    fields = {"air": job.air, "profile": job.profile, "seed": job.seed}
    return [
        bought(**fields, **GOOD, number=number, checked_in=number % 2 == 1)
        for number in range(job.purchases)
    ]


def one_is_slow(job: SceneJob) -> list[Record]:
    return [bought(air=job.air, profile=job.profile, seed=job.seed), *all_well(job)[1:]]


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["promise", *words])
    return __main__.main()


@pytest.fixture
def line(tmp_path: Path) -> list[str]:
    places = ["--folder", str(tmp_path / "records"), "--output", str(tmp_path / "promise.json")]
    return [*places, "--purchases", "8", "--scene", "4", "--processes", "1", "--seed", "5"]


def test_every_goal_met_is_exit_code_0(
    monkeypatch: pytest.MonkeyPatch, line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scenes, "by_scene", all_well)
    assert run(monkeypatch, *line, "--air", "shop", "--profile", "ios") == 0
    assert "The promise holds: 8 purchases" in capsys.readouterr().out


def test_a_goal_that_is_missed_is_exit_code_1(
    monkeypatch: pytest.MonkeyPatch,
    line: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(scenes, "by_scene", one_is_slow)
    assert run(monkeypatch, *line, "--air", "shop", "--profile", "ios", "--json") == 1
    printed = capsys.readouterr().out
    assert printed == (tmp_path / "promise.json").read_text()
    assert [found.key for _, found in report.load(tmp_path / "promise.json").missed] == [
        "phone_p95"
    ]


def test_all_airs_and_profiles_are_what_a_run_makes(
    monkeypatch: pytest.MonkeyPatch, line: list[str], tmp_path: Path
) -> None:
    """And draws; a run that shows less leaves the pictures alone."""
    monkeypatch.setattr(scenes, "by_scene", all_well)
    docs = tmp_path / "docs"
    docs.mkdir()
    assert run(monkeypatch, *line, "--docs", str(docs)) == 0
    drawn = {path.name: path.read_bytes() for path in docs.iterdir()}
    assert len(drawn) == 6
    assert len(report.load(docs / "promise.json").cells) == 12
    monkeypatch.setattr(scenes, "by_scene", a_scene)
    part = ("--air", "shop", "--docs", str(docs), "--fresh")
    assert run(monkeypatch, *line, *part) == 1
    assert {path.name: path.read_bytes() for path in docs.iterdir()} == drawn


def test_two_reports_are_shown_beside_each_other(
    monkeypatch: pytest.MonkeyPatch,
    line: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    for path, maker in ((one, one_is_slow), (two, all_well)):
        monkeypatch.setattr(scenes, "by_scene", maker)
        run(monkeypatch, *line, "--air", "bad", "--fresh")
        (tmp_path / "promise.json").rename(path)
    capsys.readouterr()
    assert run(monkeypatch, "compare", str(one), str(two)) == 0
    shown = capsys.readouterr().out
    assert "0.500 s ✗" in shown
    assert "0.150 s" in shown
    docs = tmp_path / "docs"
    docs.mkdir()
    assert run(monkeypatch, "docs", str(one), str(two), "--docs", str(docs)) == 1
    assert "the documents show the air shop" in capsys.readouterr().err
    assert run(monkeypatch, "compare", str(one), str(tmp_path / "none.json")) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_a_number_that_is_none_is_an_error_of_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (("--purchases", "0"), ("--air", "vacuum"), ("replay", "shop", "ios", "1")):
        with pytest.raises(SystemExit, match="2"):
            run(monkeypatch, *words)
