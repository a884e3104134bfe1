"""Where the time goes: the steps of many purchases, added up by part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

from msgspec import Struct

from .record import BRIDGE, PHONE, RECEIVER, TILL, Mark, Record
from .shares import needed

# The part that ends with a step. The time before a step that is not here belongs to the next one.
PARTS = {
    (PHONE, "scanning"): "holding it again",
    (PHONE, "found"): "searching",
    (PHONE, "linked"): "connection set-up",
    (PHONE, "connected"): "connection set-up",
    (PHONE, "connect_failed"): "failed attempts",
    (PHONE, "link_failed"): "failed attempts",
    (PHONE, "again"): "failed attempts",
    (PHONE, "mtu"): "MTU",
    (PHONE, "discovered"): "discovery",
    (PHONE, "subscribed"): "subscribing",
    (PHONE, "read"): "reading",
    (PHONE, "checked_in"): "reading",
    (PHONE, "notified"): "notification",
    (PHONE, "asked"): "the phone's checks",
    (PHONE, "shown"): "the phone's checks",
    (PHONE, "approval_ready"): "the phone signs",
    (PHONE, "approval_written"): "writing",
    (RECEIVER, "approval_received"): "writing",
    (BRIDGE, "approval_received"): "the line",
    (BRIDGE, "verdict_received"): "the chip",
    (BRIDGE, "authority_asked"): "the bridge",
    (BRIDGE, "authority_answered"): "the authority",
    (TILL, "approved"): "the bridge",
}
SLOWEST = 0.05  # the share that a 95th percentile leaves out

# Stretches of a purchase.
COLD = "hold → offer, cold"
CHECKED = "amount → offer, checked in"
APPROVED = "last digit → approved on the phone"


class Breakdown(Struct, frozen=True):
    """A stretch's parts: mean seconds over `of` purchases, all or the slowest; in order of time."""

    stretch: str
    of: int
    slowest: bool
    parts: dict[str, float]


class _Stretch(NamedTuple):
    name: str
    start: Callable[[Record], float | None]
    end: Callable[[Record], float | None]
    last: str  # the part between the last known step and the end


def breakdowns(records: Sequence[Record]) -> list[Breakdown]:
    """Break every stretch down, of all purchases with steps, then of the slowest of them."""
    return [
        _breakdown(stretch.name, taken, slowest)
        for stretch in _STRETCHES
        if (found := _purchases(stretch, records))
        for slowest, taken in ((False, found), (True, found[-_slow(len(found)) :]))
    ]


def parts(start: float, end: float, steps: Iterable[Mark], last: str) -> dict[str, float]:
    """Return the seconds of each part between two times; their sum is the whole."""
    known = [(step.at, PARTS[step.by, step.name]) for step in steps if _is_within(step, start, end)]
    found: dict[str, float] = defaultdict(float)
    for (before, _), (at, part) in pairwise([(start, ""), *known, (end, last)]):
        found[part] += at - before
    return {part: seconds for part, seconds in found.items() if seconds}


def _is_within(step: Mark, start: float, end: float) -> bool:
    return start <= step.at <= end and (step.by, step.name) in PARTS


def _purchases(stretch: _Stretch, records: Sequence[Record]) -> list[dict[str, float]]:
    """Return the parts of each purchase that has the whole stretch, the slowest last."""
    found = []
    for record in records:
        start, end = stretch.start(record), stretch.end(record)
        if record.steps and start is not None and end is not None and isfinite(end - start):
            found.append(parts(start, end, record.steps, stretch.last))
    return sorted(found, key=lambda each: sum(each.values()))


def _slow(of: int) -> int:
    return max(1, needed(SLOWEST, of))


def _breakdown(stretch: str, taken: Sequence[dict[str, float]], slowest: bool) -> Breakdown:
    found = {part for each in taken for part in each}
    order = sorted(found, key=lambda part: (_rank(part, taken), part))
    means = {part: sum(each.get(part, 0.0) for each in taken) / len(taken) for part in order}
    return Breakdown(stretch, len(taken), slowest, means)


def _rank(part: str, taken: Sequence[dict[str, float]]) -> float:
    """Return the mean place of a part among the others of a purchase; 1 if it is always last."""
    places = [(list(each).index(part) + 1) / len(each) for each in taken if part in each]
    return sum(places) / len(places)


def _cold(record: Record) -> float | None:
    return None if record.checked_in else record.began


def _checked(record: Record) -> float | None:
    return record.began if record.checked_in else None


def _seen(record: Record) -> float | None:
    return record.shown if record.asked is None else record.asked


_STRETCHES = (
    _Stretch(COLD, _cold, _seen, "the phone's checks"),
    _Stretch(CHECKED, _checked, _seen, "the phone's checks"),
    _Stretch(APPROVED, lambda r: r.last_digit, lambda r: r.approved_phone, "the phone's checks"),
)
