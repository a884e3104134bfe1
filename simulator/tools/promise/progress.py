"""How far a run has come, for people: a bar on a terminal, some lines elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from . import replay
from .jobs import MadeScene
from .report import PromiseReport
from .table import LEGEND, terminal

LINES = 10  # of progress, where they are not overwritten
WIDTH = 165  # at least: a table with four profiles
FAILURES_SHOWN = 20  # the rest stands in the report


class RunProgress:
    """A reporter on the standard error, of scenes in all."""

    def __init__(self, scenes: int, there: int) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._scenes = scenes
        self._done = there
        self._told = there
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("scenes", total=scenes, completed=there)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Show progress inside the block."""
        with self._bar:
            yield

    def made(self, made: MadeScene) -> None:
        """Count a scene; show at once what broke it."""
        self._done += 1
        self._bar.advance(self._task)
        if made.error:
            job = made.job
            self._console.print(f"Broken: {job.air}, {job.profile}, seed {job.seed}", style="red")
            self._console.print(made.error, markup=False)
        if not self._console.is_terminal and self._done - self._told >= self._scenes / LINES:
            self._told = self._done
            self._console.print(f"{self._done} of {self._scenes} scenes")


def show(report: PromiseReport) -> None:
    """Print tables, failures with the commands that replay them, and what missed its goal."""
    console = Console(width=max(Console().width, WIDTH), highlight=False, soft_wrap=True)
    for table in terminal(report):
        console.print(table)
    console.print(LEGEND)
    for line in failures(report)[:FAILURES_SHOWN]:
        console.print(line, markup=False)
    more = len(failures(report)) - FAILURES_SHOWN
    if more > 0:
        console.print(f"(and {more:,} failed purchases more)")
    console.print(verdict(report), style="bold green" if report.is_ok else "bold red")


def failures(report: PromiseReport) -> Sequence[str]:
    """Return the command that replays each failed purchase, and why it failed."""
    return [
        f"{replay.command(cell.air, cell.profile, one.seed, one.number, scene=report.scene)}"
        f"  # {one.reason}"
        for cell in report.cells
        for one in cell.failures
    ]


def verdict(report: PromiseReport) -> str:
    """Say in one line whether the promise holds, and how long it took to find out."""
    purchases = sum(cell.purchases for cell in report.cells)
    took = f"{purchases:,} purchases in {report.seconds:,.0f} s on {report.processes} processes"
    if report.is_ok:
        return f"The promise holds: {took}"
    missed = [
        f"{key} in {count} of {len(report.cells)}"
        for key, count in Counter(figure.key for _, figure in report.missed).items()
    ]
    broken = [f"{len(report.broken)} scenes broke"] if report.broken else []
    return f"The promise does not hold ({', '.join(missed + broken)}): {took}"
