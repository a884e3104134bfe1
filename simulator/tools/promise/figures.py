"""The figures of purchases: what each goal's is, and whether it is met."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from msgspec import Struct

from .goals import COUNT, SECONDS, SHARE, WRONG, Goal, goals
from .record import Record
from .shares import needed, percentile, wilson

# Verdicts.
MET = "met"
MISSED = "MISSED"  # also of the many purchases that were not made: by the interval
OPEN = "open"  # not met by those that were made, which are too few to say more
NONE = "none"  # no purchase is one of those that the goal is about


class PromiseFigure(Struct, frozen=True):
    """What `of` purchases make of a goal. `value` is None with NONE, and for "never".

    `low` and `high` bound the share of all purchases that keep the goal.
    """

    key: str
    text: str
    kind: str
    goal: float  # in the figure's unit
    value: float | None
    of: int
    kept: int
    low: float
    high: float
    verdict: str
    bound: float | None = None


def figures(air: str, records: Sequence[Record]) -> list[PromiseFigure]:
    """Return every goal's figure of purchases in this air."""
    return [_figure(goal, records) for goal in goals(air)]


def missed(found: Sequence[PromiseFigure]) -> list[PromiseFigure]:
    """Return the figures that do not meet their goals, for certain or not."""
    return [figure for figure in found if figure.verdict in (MISSED, OPEN)]


def _figure(goal: Goal, records: Sequence[Record]) -> PromiseFigure:
    about = [(record, value) for record in records if (value := goal.value(record)) is not None]
    ranked = sorted(value for _, value in about)
    kept = sum(value <= goal.limit for value in ranked)
    interval = wilson(kept, len(ranked))
    return PromiseFigure(
        key=goal.key,
        text=goal.text,
        kind=goal.kind,
        goal=_goal(goal),
        value=_value(goal, ranked, kept),
        of=len(ranked),
        kept=kept,
        low=interval.low,
        high=interval.high,
        verdict=_verdict(goal, kept, len(ranked), interval.high),
        bound=_bound(goal, [record for record, _ in about]),
    )


def _goal(goal: Goal) -> float:
    """Return the limit as the table shows it: 0.001 of purchases for a share of 0.999 kept."""
    return {
        SHARE: goal.share,
        WRONG: round(1 - goal.share, 6),
        COUNT: 0.0,
        SECONDS: goal.limit,
    }[goal.kind]


def _value(goal: Goal, ranked: Sequence[float], kept: int) -> float | None:
    if not ranked:
        return None
    if goal.kind == SECONDS:
        found = percentile(ranked, goal.share)
        return found if isfinite(found) else None
    wrong = len(ranked) - kept
    return {SHARE: kept / len(ranked), WRONG: wrong / len(ranked), COUNT: float(wrong)}[goal.kind]


def _verdict(goal: Goal, kept: int, of: int, high: float) -> str:
    if not of:
        return NONE
    if kept >= needed(goal.share, of):
        return MET
    return MISSED if high < goal.share or goal.share == 1 else OPEN


def _bound(goal: Goal, about: Sequence[Record]) -> float | None:
    """Return what the parameters alone need for this, on average; None where it is not known."""
    if goal.bound is None:
        return None
    sums = [sum(parts.values()) for record in about if (parts := goal.bound(record))]
    return sum(sums) / len(sums) if sums else None
