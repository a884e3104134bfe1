"""The bridge's metrics for Prometheus; `docs/operations.md` lists their meanings.

Sales are counted as their events are published. Metrics with their own state are read when they
are requested. Labels are tills, and names of ours.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from bridge import __version__
from bridge.domain.events import SaleChanged, SaleTimed
from bridge.domain.states import FINAL, TABLE, Event
from receiver import reasons

from . import logs, timings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from prometheus_client.core import Metric

    from bridge.domain.events import Event as Published
    from bridge.domain.sale import Sale

PREFIX = "tillsign_"
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
PURCHASE, REFUND = "purchase", "refund"
UNCONFIGURED = "unconfigured"  # a till that is no longer configured: no label comes from a journal
# Seconds. A purchase takes tens of milliseconds, an authority hundreds; people take
# seconds. Few buckets, as each costs a line for each till and phase.
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)

SPANS = {
    "buyer": (timings.OFFER, timings.APPROVAL_RECEIVED),
    "journal": (timings.APPROVAL_RECEIVED, timings.APPROVAL_KEPT),
    "receiver": timings.VERDICT,
    "authority": timings.AUTHORITY,
    "whole": (timings.APPROVAL_RECEIVED, timings.TOLD),
}
PHASES = (*SPANS, "bridge")
# The events that end a sale, with their states.
ENDS: dict[str, str] = {
    event: after
    for before, exits in TABLE.items()
    for event, after in exits.items()
    if after in FINAL and before is not after
}
DECLINES = (Event.MENDABLE, Event.DECLINED)


class Meaning(NamedTuple):
    """A metric's type, what it says, and its labels."""

    kind: str
    text: str
    labels: tuple[str, ...] = ()


COUNTER, GAUGE, HISTOGRAM = "counter", "gauge", "histogram"
# `make docs` writes this table into docs/operations.md.
METRICS = {
    "sales": Meaning(
        COUNTER,
        "Finished purchases and refunds: posted, liability, declined, cancelled",
        ("till", "kind", "state", "reason"),
    ),
    "sale_events": Meaning(
        COUNTER, "Events of sales, named as `what` in the till API", ("till", "event")
    ),
    "declines": Meaning(
        COUNTER, "Declines, also those that the buyer could mend", ("till", "reason")
    ),
    "phase_seconds": Meaning(
        HISTOGRAM,
        "Time of a purchase: buyer (offer to approval), journal (written to disk), receiver (its"
        " verdict), authority (its answer), bridge (its own share), whole (approval to till)",
        ("till", "phase"),
    ),
    "receiver_up": Meaning(GAUGE, "1 while the receiver answers", ("till",)),
    "receiver_release": Meaning(
        GAUGE, "Release of the receiver's firmware, once the bridge knows it", ("till",)
    ),
    "receiver_updating": Meaning(
        GAUGE, "1 while the till cannot sell because its receiver is updated", ("till",)
    ),
    "updates": Meaning(
        COUNTER,
        "Ended updates of firmware: installed, failed, went_back, not_tried",
        ("till", "outcome", "reason"),
    ),
    "line": Meaning(
        COUNTER,
        "The serial line: opened, raw, log, retransmits, garbage, resets, duplicates, deaf,"
        " oversize, strange, dropped_logs",
        ("till", "counter"),
    ),
    "refusals": Meaning(
        COUNTER, "Messages of a receiver that the bridge refused", ("till", "reason")
    ),
    "undecided": Meaning(
        GAUGE, "Approvals of which the till was notified and which it neither paid nor cancelled"
    ),
    "unconfigured_amount": Meaning(
        GAUGE,
        "Unfinished sales at tills that are not configured today, minor units; the bridge"
        " finishes them all the same",
        ("till",),
    ),
    "unconfigured_sales": Meaning(GAUGE, "Their number, refunds included", ("till",)),
    "alarms": Meaning(GAUGE, "Unacknowledged alarms of the reconciliation"),
    "journal_behind": Meaning(
        GAUGE,
        "1 while nothing is sold because the journal is an older copy, another bridge has it, or"
        " it is being recovered after a start",
    ),
    "outbox_depth": Meaning(GAUGE, "Approvals and refunds with a message owed to the authority"),
    "outbox_oldest_seconds": Meaning(GAUGE, "Age of the oldest of them"),
    "breaker_open": Meaning(GAUGE, "1 while the authority is away and asked only now and then"),
    "clock_offset_seconds": Meaning(
        GAUGE,
        "How far this terminal's clock is ahead of the authority's, jumps since the last answer"
        " included; before the first answer none, or how far it is behind the newest entry of the"
        " journal or the release",
    ),
    "certificate_expires_seconds": Meaning(
        GAUGE,
        "Seconds until a certificate expires, negative afterwards: client and till_api (with the"
        " chain in the file), authority_ca (the root that lasts longest), receiver (the only one"
        " with a till)",
        ("what", "till"),
    ),
    "offline_amount": Meaning(GAUGE, "Unsent offline purchases, minor units", ("till",)),
    "offline_purchases": Meaning(GAUGE, "Their number", ("till",)),
    "journal_stalled_seconds": Meaning(
        GAUGE,
        "How long the journal has accepted no write: locked by another program, or disk full; 0"
        " otherwise",
    ),
    "journal_bytes": Meaning(GAUGE, "Size of the journal's live part"),
    "journal_free_bytes": Meaning(GAUGE, "Room on its disk"),
    "http_refused": Meaning(COUNTER, "Requests refused by access control", ("kind",)),
    "log_lines_dropped": Meaning(COUNTER, "Log lines that standard error did not accept"),
    "build_info": Meaning(GAUGE, "1, with the version that runs", ("version",)),
}

Values = float | Iterable[tuple[tuple[object, ...], float]]
Labels = tuple[int | str, ...]


def exposed(name: str) -> str:
    """Return the name under which Prometheus stores a metric."""
    return PREFIX + name + ("_total" if METRICS[name].kind == COUNTER else "")


class Metrics:
    """The counts of one bridge."""

    def __init__(self, tills: Iterable[int], look: Callable[[], Mapping[str, Values]]) -> None:
        """`look` reads the metrics that have their own state, briefly, as the loop waits."""
        self._tills = frozenset(tills)
        self._look = look
        self._process = ProcessCollector(registry=None)
        self._events: Counter[Labels] = Counter()
        self._sales: Counter[Labels] = Counter()
        self._declines: Counter[Labels] = Counter()
        self._phases: defaultdict[Labels, Times] = defaultdict(Times)
        for till in self._tills:
            for phase in PHASES:
                self._phases[till, phase] = Times()

    def hear(self, event: Published) -> None:
        """Count an event of the bus; receivers and refusals are read when requested."""
        till = event.till if event.till in self._tills else UNCONFIGURED
        match event:
            case SaleChanged(what=what, sale=sale):
                self._hear_sale(till, what, sale)
            case SaleTimed(steps=steps):
                self._hear_timing(till, steps)

    async def render(self) -> bytes:
        """Return all metrics in the text format; the slow part runs in a thread."""
        values = {
            "sale_events": self._events.items(),
            "sales": self._sales.items(),
            "declines": self._declines.items(),
            "build_info": [((__version__,), 1)],
            "log_lines_dropped": logs.dropped(),
            **self._look(),
        }
        found = [self._phase_seconds(), *(_family(name, values[name]) for name in values)]
        return await asyncio.to_thread(generate_latest, _Scrape(self._process, found))

    def _hear_sale(self, till: int | str, what: str, sale: Sale) -> None:
        reason = reasons.name(sale.reason) if sale.reason else ""
        self._events[till, what] += 1
        if what in DECLINES:
            self._declines[till, reason] += 1
        if what in ENDS:
            kind = REFUND if sale.is_refund else PURCHASE
            self._sales[till, kind, ENDS[what], reason] += 1

    def _hear_timing(self, till: int | str, steps: Mapping[str, float]) -> None:
        spent = {phase: timings.span(steps, between) for phase, between in SPANS.items()}
        for phase, seconds in (*spent.items(), ("bridge", timings.own_share(steps))):
            if seconds is not None:
                self._phases[till, phase].add(seconds)

    def _phase_seconds(self) -> Metric:
        name = "phase_seconds"
        family = HistogramMetricFamily(
            PREFIX + name, METRICS[name].text, labels=METRICS[name].labels
        )
        for labels, times in self._phases.items():
            family.add_metric([str(label) for label in labels], times.buckets(), times.total)
        return family


class Times:
    """How many times are within each of BUCKETS, and their sum."""

    def __init__(self) -> None:
        self.total = 0.0
        self._counts = [0] * (len(BUCKETS) + 1)

    def add(self, seconds: float) -> None:
        self.total += seconds
        self._counts[bisect_left(BUCKETS, seconds)] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """Return each bound, and how many times are not above it."""
        return list(zip((*map(str, BUCKETS), "+Inf"), accumulate(self._counts), strict=True))


class _Scrape:
    """What the library is to write."""

    def __init__(self, process: ProcessCollector, found: list[Metric]) -> None:
        self._process = process
        self._found = found

    def collect(self) -> Iterator[Metric]:
        yield from self._process.collect()
        yield from self._found


def _family(name: str, values: Values) -> Metric:
    """Make one metric; `values` with their labels' values, or the only one."""
    meaning = METRICS[name]
    kind = CounterMetricFamily if meaning.kind == COUNTER else GaugeMetricFamily
    family = kind(PREFIX + name, meaning.text, labels=meaning.labels)
    for labels, value in [((), values)] if isinstance(values, (int, float)) else values:
        family.add_metric([str(label) for label in labels], value)
    return family
