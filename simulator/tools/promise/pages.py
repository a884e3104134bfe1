"""What the documents show of two stored runs: tables, breakdown, and pictures."""

from __future__ import annotations

from pathlib import Path

from . import breakdown_plot, change_plot, compare, distribution_plot, report, table
from .breakdown import CHECKED, COLD
from .report import PromiseReport

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
        "promise": table.page(after),
        "promise, breakdown": table.breakdown_page(after, AIR_SHOWN),
        "promise, before and after": compare.page(before, after),
    }


def write(measured: PromiseReport, docs: Path) -> None:
    """Store a run as the documents' newest, and draw it."""
    report.save(measured, docs / AFTER)
    if not (docs / BEFORE).exists():
        report.save(measured, docs / BEFORE)
    for name, source in pictures(docs).items():
        (docs / name).write_text(source)
