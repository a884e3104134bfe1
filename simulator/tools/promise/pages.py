"""What the documents show of two stored runs: tables, breakdown, and pictures."""

from __future__ import annotations

from pathlib import Path

from msgspec import json, structs

from . import breakdown_plot, change_plot, compare, distribution_plot, report, table
from .breakdown import CHECKED, COLD
from .report import PromiseReport, PromiseReportError
from .table import LEGEND

AFTER, BEFORE = "promise.json", "promise-before.json"
AIR_SHOWN = "shop"  # whose breakdown the page has: the air that a buyer meets
CHANGES = ("offer_p95", "offer_checked_p95", "till_p95", "lost_p95")


def pictures(docs: Path) -> dict[str, str]:
    """Return the pictures of the stored runs in this folder: file name → SVG."""
    after, before = report.load(docs / AFTER), report.load(docs / BEFORE)
    return {
        "promise-cold.svg": distribution_plot.draw(after, COLD, "offer"),
        "promise-checked-in.svg": distribution_plot.draw(after, CHECKED, "offer_checked"),
        "promise-breakdown.svg": breakdown_plot.draw(after, AIR_SHOWN),
        "promise-change.svg": change_plot.draw(before, after, CHANGES),
    }


def parts(docs: Path) -> dict[str, str]:
    """Return the generated parts of promise.md by name, in Markdown."""
    after, before = report.load(docs / AFTER), report.load(docs / BEFORE)
    return {
        "promise": f"{_head(after)}\n\n{table.page(after)}",
        "promise, breakdown": table.breakdown_page(after, AIR_SHOWN),
        "promise, before and after": compare.page(before, after),
    }


def _head(shown: PromiseReport) -> str:
    """Return what was measured, in one line, and how to read a cell."""
    purchases = sum(cell.purchases for cell in shown.cells)
    return (
        f"{purchases:,} purchases from seed {shown.seed} on, in {shown.seconds / 60:,.0f} minutes "
        f"on {shown.processes} cores. {LEGEND}."
    )


def write(measured: PromiseReport, docs: Path) -> bool:
    """Store a run as the documents' newest, and draw it; return False for one that shows less.

    Less are fewer purchases, or fewer airs and profiles. The first run is also the one before all
    changes.
    """
    newest = docs / AFTER
    if not any(cell.air == AIR_SHOWN for cell in measured.cells):
        return False
    if newest.exists() and _size(measured) < _size(report.load(newest)):
        return False
    for name in (AFTER,) if (docs / BEFORE).exists() else (AFTER, BEFORE):
        store(measured, docs / name)
    draw(docs)
    return True


def store(measured: PromiseReport, path: Path) -> None:
    """Write a report without its failures, which are those of one state of the sources.

    Raises PromiseReportError for a report that lacks what the documents show.
    """
    if not any(cell.air == AIR_SHOWN for cell in measured.cells):
        raise PromiseReportError(f"the documents show the air {AIR_SHOWN}: measure it, too")
    cells = [structs.replace(cell, failures=[]) for cell in measured.cells]
    path.write_bytes(json.encode(structs.replace(measured, cells=cells)) + b"\n")


def draw(docs: Path) -> None:
    """Draw what is stored."""
    for name, source in pictures(docs).items():
        (docs / name).write_text(source)


def _size(measured: PromiseReport) -> tuple[int, int]:
    """Return how much a run shows: cells, and purchases in the smallest."""
    return len(measured.cells), min((cell.purchases for cell in measured.cells), default=0)
