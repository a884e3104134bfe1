"""Run the steps one after the other; a step that fails does not end the rest."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

from . import blank_board, purchase
from .bench import Bench
from .figures import SkippedError, StepError
from .radio_option import RadioError
from .report import DONE, FAILED, SKIPPED, Report, StepReport
from .steps import NAMES, BoardStep

STEP_S = 1800.0  # the longest: a hundred sales of ten seconds, and a person's hand
# What a board, its port, a bridge or the radio may do; anything else is a bug and ends the run.
_ERRORS = (*purchase.FAILURES, *blank_board.ERRORS, StepError, RadioError, RuntimeError)


async def run(bench: Bench, report: Report, path: Path, steps: Sequence[BoardStep]) -> None:
    """Do these steps, and save the report after each."""
    for number, step in enumerate(steps, 1):
        bench.tell(f"[{number}/{len(steps)}] {step.name}: {step.title}")
        done = await _done(step, bench)
        report.note(step.name, done, NAMES)
        report.save(path)
        _tell(bench, done)


async def _done(step: BoardStep, bench: Bench) -> StepReport:
    began, clock = time.time(), time.monotonic()

    def result(state: str, problem: str = "") -> StepReport:
        return StepReport(state, round(began, 1), round(time.monotonic() - clock, 1), [], problem)

    try:
        async with asyncio.timeout(STEP_S):
            figures = await step.run(bench)
    except SkippedError as error:
        return result(SKIPPED, str(error))
    except _ERRORS as error:
        return result(FAILED, purchase.in_words(error))
    done = result(DONE)
    done.figures = figures
    return done


def _tell(bench: Bench, done: StepReport) -> None:
    for figure in done.figures:
        word = "ok" if figure.is_ok else "FAILED"
        bounds = f" ({figure.bounds})" if figure.bounds else ""
        bench.tell(f"  {word:7}{figure.name}: {figure.value:,.6g} {figure.unit}{bounds}")
    if done.problem:
        bench.tell(f"  {done.state}: {done.problem}")
