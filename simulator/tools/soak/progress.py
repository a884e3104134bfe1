"""The progress and result of a soak, for people: plain text where there is no terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from simulator.tools import figures

from .run import SoakResult

LINES = 10  # of progress, where they are not overwritten
RECOVERY_MOST = 20  # lines of a recovery


class Progress:
    """A reporter on the standard output."""

    def __init__(self, sales: int, seed: int) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._sales = sales
        self._seed = seed
        self._status = self._console.status(f"{sales} sales, seed {seed}")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Show progress inside the block."""
        self._console.print(f"Soaking: {self._sales} sales, seed {self._seed}")
        with self._status:
            yield

    def progress(self, over: int, crashes: int) -> None:
        text = f"{over} of {self._sales} sales, {crashes} crashes"
        self._status.update(text)
        milestone = over == self._sales or over % max(1, self._sales // LINES) == 0
        if milestone and not self._console.is_terminal:
            self._console.print(text)

    def result(self, result: SoakResult) -> None:
        """Print the table and all findings."""
        title = f"Soak, seed {self._seed}, {result.seconds:.0f} s"
        table = figures.table("what", "number", title=title)
        for name, number in result.figures:
            table.add_row(name, str(number))
        self._console.print(table)
        self._console.print("The last recovery, from the bridge's log:")
        for line in _shortened(result.recovery):
            self._console.print(f"  {line}")
        for one in result.liabilities:
            self._console.print(f"liability: {one.sale}: {one.amount}, {one.text}")
        for finding in result.findings:
            self._console.print(f"{finding.kind}: {finding.sale}: {finding.text}")

    def kept(self, directory: Path) -> None:
        """Print where the evidence is."""
        self._console.print(f"Journal, ledger, tills' books and logs are kept in {directory}")


def _shortened(lines: list[str]) -> list[str]:
    """Return the beginning and the end of a recovery."""
    left_out = len(lines) - RECOVERY_MOST
    if left_out <= 0:
        return lines
    return [*lines[: RECOVERY_MOST - 1], f"(and {left_out} more)", lines[-1]]
