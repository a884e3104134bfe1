"""Print what an eavesdropper received and learnt, field by field, and compare it with the truth."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from . import record_search, summary
from .eavesdropper import HeardField
from .narration import COLOURS, WHO_WIDTH
from .record_search import SearchHit
from .sniffed_purchases import Compared, Sniffed

_FIELD_WIDTH = 34
_BYTES_SHOWN = 12  # of a long value; the JSON document has all of it
_NOTHING = "nothing"
_PLACES, _MANY = {0: "nowhere", 1: "in one place"}, "in %d places"
_GOOD, _BAD, _PLAIN = "bold green", "bold red", "yellow"


class Transcript:
    """A transcript on `console`, in colours where it is a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def sale(self, number: int, sniffed: Sniffed) -> None:
        """Print one purchase: every field, the summary, the search."""
        self._rule(f"{number}. What the air carried: {sniffed.played.sale['state']}")
        lines = sniffed.heard.lines
        start, part = min(line.at for line in lines), ""
        for line in lines:
            if line.part != part:
                part = line.part
                self._print(Text(f"\n{part}", style="bold"))
            self._line(line, start)
        self._summary(sniffed)
        self._search(sniffed)

    def comparison(self, compared: Compared, sales: int) -> None:
        """Print what the purchases have in common on the phone's side."""
        self._rule(f"{sales} purchases of one phone")
        size = record_search.WINDOW
        self._verdict(
            not compared.values,
            f"what the phone sent and was answered: {len(compared.values)} values of {size} bytes "
            "in common",
        )
        self._verdict(
            not compared.addresses,
            f"the phone's address: {len(compared.addresses)} in common (each visit here has one of "
            "its own; a real phone keeps one for about a quarter of an hour)",
        )

    def _line(self, line: HeardField, start: float) -> None:
        head = Text(f"{(line.at - start) * 1000:7.0f} ms  ")
        head.append(line.sender.ljust(WHO_WIDTH), style=COLOURS[line.sender])
        head.append(f"  {line.field.replace('_', ' ').ljust(_FIELD_WIDTH)}{_shown(line.value)}")
        self._print(head)
        style = "dim" if line.learns.startswith(_NOTHING) else _PLAIN
        self._print(Text(f"{'':12}{'':{WHO_WIDTH}}  → {line.learns}", style=style))

    def _summary(self, sniffed: Sniffed) -> None:
        self._print(Text("\nlearnt", style="bold"))
        for text in summary.learnt(sniffed.heard):
            self._print(Text(f"  {text}", style=_PLAIN))
        self._print(Text("\nnot learnt", style="bold"))
        for name, why in summary.not_learnt(sniffed.heard).items():
            self._print(Text(f"  {name}: {why}", style="green"))

    def _search(self, sniffed: Sniffed) -> None:
        self._print(Text("\nheld against the truth", style="bold"))
        for found in sniffed.secrets:
            self._verdict(not found.places, _sought(found))
        for found in sniffed.controls:
            self._verdict(found.places > 0, f"on the air, and found: {_sought(found)}")
        for name, lengths in sniffed.lengths.items():
            self._print(Text(f"        {name}: {', '.join(map(str, lengths))} bytes"))
        if sniffed.missed:
            self._verdict(False, f"{sniffed.missed} packets were missed")
        self._verdict(sniffed.holds, "all in all")

    def _verdict(self, good: bool, text: str) -> None:
        line = Text("  ok    " if good else "  FAIL  ", style=_GOOD if good else _BAD)
        self._print(line.append(text, style="not bold default"))

    def _rule(self, text: str) -> None:
        self._console.print()
        self._console.rule(Text(text, style="bold"), align="left")

    def _print(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)


def _shown(value: str | bytes) -> str:
    if isinstance(value, str):
        return value
    if len(value) <= _BYTES_SHOWN:
        return value.hex()
    return f"{value[:_BYTES_SHOWN].hex()}… ({len(value)} bytes)"


def _sought(found: SearchHit) -> str:
    return f"{found.name} ({found.size} bytes): {_PLACES.get(found.places, _MANY % found.places)}"
