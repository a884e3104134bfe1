"""Tell the technician how far an enrolment is: in colour on a terminal, plain elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from typing import TextIO


class Progress:
    """Writes one line a step."""

    def __init__(self, to: TextIO) -> None:
        self._console = Console(file=to, highlight=False, soft_wrap=True)

    def step(self, text: str) -> None:
        self._console.print(f"… {text}", markup=False)

    def compare(self, six: list[str]) -> None:
        """Show the words; on a terminal they stand out."""
        self._console.print("The second person finds these six words at the authority:")
        self._console.print(f"    {' '.join(six)}", style="bold green", markup=False)
        self._console.print("If they are the same ones, in this order, confirm there. Waiting …")
