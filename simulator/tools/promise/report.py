"""The report of a run: figures, distributions, breakdown and failures, by air and profile."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path

import msgspec
from msgspec import Struct

from .breakdown import CHECKED, COLD, Breakdown, breakdowns
from .figures import PromiseFigure, figures, missed
from .record import Record
from .shares import quantiles

STEPS = 200  # quantiles in a distribution: half a hundredth apart
DIGITS = 5  # of seconds: hundredths of a millisecond
FILE_MOST = 10_000_000  # bytes: a report with hundreds of failures has half a million


class PromiseReportError(Exception):
    """The file is not a report of a run; the text says what to do."""


class FailedPurchase(Struct, frozen=True):
    """A purchase that did not succeed by one try, or that was told differently."""

    seed: int
    number: int
    reason: str


class Cell(Struct, frozen=True):
    """What was measured of one profile in one air.

    A distribution has the values of `STEPS` + 1 quantiles; None stands for "never".
    """

    air: str
    profile: str
    purchases: int
    figures: list[PromiseFigure]
    distributions: dict[str, list[float | None]]
    breakdowns: list[Breakdown]
    failures: list[FailedPurchase]


class PromiseReport(Struct, frozen=True):
    """One run, or what one command measured on a real air."""

    seed: int
    scene: int  # purchases in one
    seconds: float  # of real time, on `processes`
    processes: int
    stored: int  # scenes that were there before
    cells: list[Cell]
    broken: list[str] = []  # scenes that ended by an error of the program

    @property
    def missed(self) -> list[tuple[Cell, PromiseFigure]]:
        return [(cell, figure) for cell in self.cells for figure in missed(cell.figures)]

    @property
    def is_ok(self) -> bool:
        return not self.missed and not self.broken


def cell(air: str, profile: str, records: Sequence[Record]) -> Cell:
    """Judge the purchases of one profile in one air."""
    return Cell(
        air=air,
        profile=profile,
        purchases=len(records),
        figures=figures(air, records),
        distributions={
            COLD: _distribution([r.offer_s for r in records if not r.checked_in]),
            CHECKED: _distribution([r.offer_s for r in records if r.checked_in]),
        },
        breakdowns=breakdowns(records),
        failures=[
            FailedPurchase(r.seed, r.number, _why(r))
            for r in records
            if not (r.succeeded and r.outcomes.agree)
        ],
    )


def load(path: Path) -> PromiseReport:
    """Read a report; raises PromiseReportError."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(FILE_MOST), type=PromiseReport)
    except OSError as error:
        raise PromiseReportError(f"{path} cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise PromiseReportError(
            f"{path} is not a report of this version ({error}): measure again"
        ) from error


def save(report: PromiseReport, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")


def _why(record: Record) -> str:
    """Return why a purchase failed: all that can be said of it."""
    said = record.outcomes
    found = [record.reason] if record.reason else []
    if not said.agree:
        found.append(f"phone: {said.phone}, till: {said.till}, authority: {said.authority}")
    if record.tries > 1 or record.tries_cashier > 1:
        found.append(f"held {record.tries} times, rung up {record.tries_cashier} times")
    return "; ".join(found)


def _distribution(values: Sequence[float]) -> list[float | None]:
    found = quantiles(sorted(values), STEPS)
    return [round(value, DIGITS) if isfinite(value) else None for value in found]
