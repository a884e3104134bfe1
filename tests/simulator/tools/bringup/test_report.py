"""A bring-up's report: whole after each step, continued later, hostile files refused."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from receiver.host.command import UsageError
from simulator.tools.bringup import cli, run, session
from simulator.tools.bringup.bench import Bench
from simulator.tools.bringup.blank_board import BlankBoardError
from simulator.tools.bringup.figures import BoardFigure, SkippedError, StepError
from simulator.tools.bringup.report import DONE, FAILED, SKIPPED, Report, load
from simulator.tools.bringup.steps import NAMES, STEPS, BoardStep

GOOD = BoardFigure("good", 1, "ms", 1, most=2)
BAD = BoardFigure("bad", 3, "ms", 1, most=2)


def step(name: str, result: BoardFigure | Exception) -> BoardStep:
    async def act(bench: Bench) -> list[BoardFigure]:
        if isinstance(result, Exception):
            raise result
        return [result]

    return BoardStep(name, name, act)


def bench(told: list[str]) -> Bench:
    return Bench("/dev/none", "tcp:127.0.0.1:1", told.append, None)


async def test_a_step_that_fails_does_not_end_the_rest(tmp_path: Path) -> None:
    path, told, report = tmp_path / "report.json", list[str](), Report("/dev/none")
    steps = [
        step("board", GOOD),
        step("boot", BAD),
        step("crypto", StepError("seen, and what to do")),
        step("memory", SkippedError("needs a hand")),
        step("line", BlankBoardError("enrolled")),
        step("advertising", TimeoutError()),
        step("links", GOOD),
    ]
    await session.run(bench(told), report, path, steps)
    states = {name: found.state for name, found in load(path).steps.items()}
    failed = dict.fromkeys(("crypto", "line", "advertising"), FAILED)
    done = dict.fromkeys(("board", "boot", "links"), DONE)
    assert states == done | failed | {"memory": SKIPPED}
    assert not report.ok
    assert report.missing == ["memory", "sales", "power-cuts"]
    text = "\n".join(told)
    for said in ("FAILED bad: 3 ms (1, at most 2)", "ok     good", "needs a hand", "enrolled"):
        assert said in text
    # What is done is left out the next time; what failed is not.
    left = [each.name for each in run._steps(None, load(path))]
    assert left == [name for name in NAMES if name not in ("board", "links")]


async def test_a_mistake_of_ours_is_no_finding(tmp_path: Path) -> None:
    """It ends the run, and what was done before stays."""
    path, report = tmp_path / "report.json", Report("/dev/none")
    with pytest.raises(ZeroDivisionError):
        await session.run(
            bench([]), report, path, [step("board", GOOD), step("boot", ZeroDivisionError())]
        )
    assert list(load(path).steps) == ["board"]


@pytest.mark.parametrize(
    ("value", "least", "most", "ok"),
    [(1.0, 1, 2, True), (2.0, 1, 2, True), (0.9, 1, 2, False), (2.1, 1, 2, False)],
)
def test_bounds(value: float, least: float, most: float, ok: bool) -> None:
    assert BoardFigure("f", value, "", least=least, most=most).is_ok is ok
    assert BoardFigure("f", value, "").is_ok
    assert "at least 1, at most 2" in BoardFigure("f", value, "", 1.5, least, most).bounds


def parsed(*line: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.command.prepare(parser)
    return parser.parse_args(["--port", "/dev/none", *line])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"port": 1}',
        '{"port": "p", "format": 2}',
        '{"port": "p", "steps": {"a": 1}}',
    ],
)
def test_what_is_no_report(tmp_path: Path, text: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(UsageError, match="--fresh"):
        cli.command.run(parsed("--report", str(path)))
    assert path.read_text() == text


def test_usage(tmp_path: Path) -> None:
    for line in (("--sales", "0"), ("--cuts", "1000"), ("--only", "nothing")):
        with pytest.raises(UsageError):
            cli.command.run(parsed("--report", str(tmp_path / "r"), *line))
    done = Report("p")
    from simulator.tools.bringup.report import StepReport

    for each in STEPS:
        done.note(each.name, StepReport(DONE, 0, 0), NAMES)
    assert (done.ok, done.missing) == (True, [])
    done.save(tmp_path / "r")
    with pytest.raises(UsageError, match="every step is done"):
        cli.command.run(parsed("--report", str(tmp_path / "r")))


def test_a_board_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each step says so; the report is there, and the exit code says it."""
    monkeypatch.setattr("simulator.tools.bringup.board_steps.UP_S", 0.1)
    path = tmp_path / "r.json"
    line = ("--report", str(path), "--only", "board", "--only", "power-cuts", "--no-person")
    assert cli.command.run(parsed(*line, "--json")) == 1
    report = json.loads(capsys.readouterr().out)
    assert "No such file" in report["steps"]["board"]["problem"]
    assert report["steps"]["power-cuts"]["state"] == SKIPPED
    assert cli.command.run(parsed(*line)) == 1
    assert "failed: board" in capsys.readouterr().out
