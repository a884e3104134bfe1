"""The progress and result of a soak, for people: plain text where there is no terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rich.console import Console
from rich.status import Status
from rich.table import Table

from .plan import AUTHORITY, BRIDGE, RECEIVER
from .run import SoakResult

LINES = 10  # of progress, where they are not overwritten
RECOVERY_MOST = 20  # lines of a recovery


class Progress:
    """A reporter on `console`."""

    def __init__(self, console: Console, sales: int, seed: int) -> None:
        self._console = console
        self._sales = sales
        self._seed = seed
        self._status: Status | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Show progress inside the block."""
        text = f"{self._sales} sales, seed {self._seed}"
        self._console.print(f"Soaking: {text}")
        shown = self._console.status(text) if self._console.is_terminal else nullcontext()
        with shown as self._status:
            yield

    def progress(self, over: int, crashes: int) -> None:
        text = f"{over} of {self._sales} sales, {crashes} crashes"
        if self._status is not None:
            self._status.update(text)
        elif over == self._sales or over % max(1, self._sales // LINES) == 0:
            self._console.print(text)

    def result(self, result: SoakResult) -> None:
        """Print the table and all findings."""
        table = Table(title=f"Soak, seed {self._seed}, {result.seconds:.0f} s")
        table.title_justify = "left"
        table.add_column("what")
        table.add_column("number", justify="right")
        for name, number in _rows(result):
            table.add_row(name, str(number))
        self._console.print(table)
        self._recovery(result.recovery)
        for one in result.liabilities:
            self._console.print(f"liability: {one.sale}: {one.amount}, {one.text}", soft_wrap=True)
        for finding in result.findings:
            self._console.print(f"{finding.kind}: {finding.sale}: {finding.text}", soft_wrap=True)

    def kept(self, directory: Path) -> None:
        """Print where the evidence is."""
        text = f"Journal, ledger, tills' books and logs are kept in {directory}"
        self._console.print(text, soft_wrap=True)

    def _recovery(self, lines: list[str]) -> None:
        """Return its beginning and its end."""
        left_out = len(lines) - RECOVERY_MOST
        if left_out > 0:
            lines = [*lines[: RECOVERY_MOST - 1], f"(and {left_out} more)", lines[-1]]
        self._console.print("The last recovery, from the bridge's log:")
        for line in lines:
            self._console.print(f"  {line}", soft_wrap=True)


def _rows(result: SoakResult) -> Iterator[tuple[str, int]]:
    yield "sales", result.sales
    for state, number in sorted(result.ends.items()):
        yield f"  {state}", number
    yield "  of them accepted offline", result.offline
    for how, refunds in result.refunds.items():
        yield how, refunds.total()
        for state, number in sorted(refunds.items()):
            yield f"  {state}", number
    yield "crashes", result.deaths.total()
    for victim in (BRIDGE, AUTHORITY, RECEIVER):
        yield f"  {victim}", result.deaths[victim]
    yield "crashes of tills", result.till_deaths
    yield "events told", result.told
    yield "  over connections", result.connections
    for name, number in list(result.summary.items())[2:]:
        yield name, number
