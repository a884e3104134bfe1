"""The course of the command: which steps, which report, which words."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from receiver.host.command import FAILED, OK, UsageError

from . import session
from .bench import Bench
from .report import Report, ReportError, load
from .steps import NAMES, STEPS, BoardStep


class AtTheBoard:
    """The person who started the command."""

    async def ask(self, what: str) -> None:
        print(f"  >>> {what}", file=sys.stderr, flush=True)


def run(arguments: Namespace) -> int:
    """Do what is left to do; return the exit code."""
    path: Path = arguments.report
    report = _report(arguments)
    steps = _steps(arguments.only, report)

    def tell(text: str) -> None:
        if not arguments.json:
            print(text, flush=True)

    bench = Bench(
        arguments.port,
        arguments.radio,
        tell,
        None if arguments.no_person else AtTheBoard(),
        arguments.sales,
        arguments.cuts,
    )
    try:
        asyncio.run(session.run(bench, report, path, steps))
    except KeyboardInterrupt:
        tell(f"stopped; the same command goes on from {path}")
        return FAILED
    except OSError as error:
        raise UsageError(f"--report {path}: {error}") from error
    if arguments.json:
        print(path.read_text(), end="")
    else:
        _end(report, path)
    return OK if report.ok else FAILED


def _report(arguments: Namespace) -> Report:
    path: Path = arguments.report
    if arguments.fresh or not path.exists():
        return Report(arguments.port)
    try:
        report = load(path)
    except (OSError, ReportError) as error:
        raise UsageError(f"{error}; --fresh begins it anew") from error
    report.port = arguments.port
    return report


def _steps(only: list[str] | None, report: Report) -> Sequence[BoardStep]:
    """Return the steps that are asked for, by default those that are not done yet."""
    unknown = [name for name in only or () if name not in NAMES]
    if unknown:
        raise UsageError(f"--only {unknown[0]}: the steps are {', '.join(NAMES)}")
    if only:
        return [step for step in STEPS if step.name in only]
    done = [name for name, step in report.steps.items() if step.is_done]
    left = [step for step in STEPS if step.name not in done]
    if not left:
        raise UsageError("every step is done: --fresh begins anew, --only repeats a step")
    return left


def _end(report: Report, path: Path) -> None:
    failed = [name for name, step in report.steps.items() if not step.is_ok]
    print(f"failed: {', '.join(failed)}" if failed else "All that was done is as expected.")
    if report.missing:
        print(f"not done: {', '.join(report.missing)}")
    print(f"The report is in {path}")
