"""The bridge's metrics for Prometheus; `docs/operations.md` lists their meanings.

Sales are counted as their events are published. Metrics with their own state are read when they
are requested. Labels are tills, and names of ours.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from bridge import __version__
from bridge.domain.events import SaleChanged, SaleTimed
from bridge.domain.states import FINAL, TABLE, Event
from receiver import reasons

from . import logs, timings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.core import Metric

    from bridge.domain.events import Event as Published
    from bridge.domain.offline import Exposure
    from bridge.domain.receiver_status import ReceiverStatus
    from bridge.domain.sale import Sale

PREFIX = "tillsign_"
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
PURCHASE, REFUND = "purchase", "refund"
UNCONFIGURED = "unconfigured"  # a till that is no longer configured: no label comes from a journal
# Seconds. A purchase takes tens of milliseconds, an authority hundreds; people take
# seconds. Few buckets, as each costs a line for each till and phase.
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)

PHASES: dict[str, Callable[[Mapping[str, float]], float | None]] = {
    "buyer": lambda steps: timings.span(steps, (timings.OFFER, timings.APPROVAL_RECEIVED)),
    "journal": lambda steps: timings.span(
        steps, (timings.APPROVAL_RECEIVED, timings.APPROVAL_KEPT)
    ),
    "receiver": lambda steps: timings.span(steps, timings.VERDICT),
    "authority": lambda steps: timings.span(steps, timings.AUTHORITY),
    "bridge": timings.own_share,
    "whole": lambda steps: timings.span(steps, (timings.APPROVAL_RECEIVED, timings.TOLD)),
}
# The events that end a sale, with their states.
ENDS: dict[str, str] = {
    event: after
    for before, exits in TABLE.items()
    for event, after in exits.items()
    if after in FINAL and before is not after
}
DECLINES = (Event.MENDABLE, Event.DECLINED)


_Metric = TypeVar("_Metric", Counter, Histogram)


class Watched(Protocol):
    """The values read when the metrics are requested; on the event loop, so briefly."""

    def receivers(self) -> list[ReceiverStatus]: ...

    def outbox_depth(self) -> int: ...
    def outbox_oldest_s(self) -> float: ...
    def offline_exposure(self) -> Mapping[int, Exposure]:
        """Return offline approvals that were not uploaded yet, by till."""

    def unconfigured(self) -> Mapping[int, Exposure]:
        """Return what is open at tills that are not configured today, by earlier till."""

    def journal_behind(self) -> bool:
        """Return whether nothing is served, as the journal is an older copy or in use elsewhere."""

    def alarms(self) -> int:
        """Return how many alarms are not acknowledged."""

    def undecided(self) -> int:
        """Count approvals that the till was notified of but has not decided."""

    def breaker_open(self) -> bool: ...
    def clock_ahead_s(self) -> float | None:
        """Return how far it is ahead of the authority's, None while unknown."""

    def certificates_s(self) -> Mapping[tuple[str, str], float]:
        """Return seconds until each ends, by purpose and till (empty but for receivers)."""

    def refused_requests(self) -> Mapping[str, int]:
        """Return refusals by kind of problem, since the start."""

    def journal_stalled_s(self) -> float:
        """Return for how long the journal has accepted no write."""

    def journal_bytes(self) -> int: ...
    def journal_free_bytes(self) -> int: ...


class Metrics:
    """One registry for one bridge."""

    def __init__(self, tills: Iterable[int], watched: Watched) -> None:
        self._tills = frozenset(tills)
        self._watched = watched
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._events = self._counter("sale_events", "What happened to sales", "event")
        self._sales = self._counter("sales", "Sales that are over", "kind", "state", "reason")
        self._declines = self._counter("declines", "Purchases declined", "reason")
        self._phases = _Series(
            Histogram(
                f"{PREFIX}phase_seconds",
                "Time of a purchase",
                ("till", "phase"),
                registry=self._registry,
                buckets=BUCKETS,
            )
        )
        for till in self._tills:
            for phase in PHASES:
                self._phases[till, phase]

    def hear(self, event: Published) -> None:
        """Count an event of the bus."""
        till = event.till if event.till in self._tills else UNCONFIGURED
        match event:
            case SaleChanged(what=what, sale=sale):
                self._hear_sale(till, what, sale)
            case SaleTimed(steps=steps):
                self._hear_timing(till, steps)
            case _:
                pass  # receivers and refusals are read when requested

    async def render(self) -> bytes:
        """Return all metrics in the text format; the slow part runs in a thread."""
        looked = list(_look(self._watched))
        return await asyncio.to_thread(generate_latest, _Scrape(self._registry, looked))

    def _counter(self, name: str, text: str, *labels: str) -> _Series[Counter]:
        return _Series(Counter(PREFIX + name, text, ("till", *labels), registry=self._registry))

    def _hear_sale(self, till: int | str, what: str, sale: Sale) -> None:
        reason = reasons.name(sale.reason) if sale.reason else ""
        self._events[till, what].inc()
        if what in DECLINES:
            self._declines[till, reason].inc()
        if what in ENDS:
            kind = REFUND if sale.is_refund else PURCHASE
            self._sales[till, kind, ENDS[what], reason].inc()

    def _hear_timing(self, till: int | str, steps: Mapping[str, float]) -> None:
        for phase, measure in PHASES.items():
            seconds = measure(steps)
            if seconds is not None:
                self._phases[till, phase].observe(seconds)


class _Series(dict[tuple[int | str, ...], _Metric]):
    """The series of one metric by their labels, cached: the library looks each up under a lock."""

    def __init__(self, metric: _Metric) -> None:
        super().__init__()
        self._metric: _Metric = metric

    def __missing__(self, labels: tuple[int | str, ...]) -> _Metric:
        series: _Metric = self._metric.labels(*labels)
        self[labels] = series
        return series


class _Scrape:
    """The counts and the values just read, for the library to write."""

    def __init__(self, registry: CollectorRegistry, looked: Iterable[Metric]) -> None:
        self._registry = registry
        self._looked = looked

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            # The start of each series would be another third of the text, and is not used.
            metric.samples = [it for it in metric.samples if not it.name.endswith("_created")]
            yield metric
        yield from self._looked


def _look(watched: Watched) -> Iterator[Metric]:
    """Read the metrics that have their own state."""
    yield _gauge("build_info", "What runs", {(__version__,): 1}, "version")
    yield _gauge("undecided", "Approvals notified, neither paid nor cancelled", watched.undecided())
    yield _gauge("outbox_depth", "Approvals with a request owed", watched.outbox_depth())
    yield _gauge("outbox_oldest_seconds", "Age of the oldest", watched.outbox_oldest_s())
    yield _gauge("breaker_open", "Whether the authority is away", watched.breaker_open())
    ahead = watched.clock_ahead_s()
    known = {} if ahead is None else {(): ahead}
    yield _gauge("clock_offset_seconds", "How far this clock is ahead of the authority's", known)
    ends = watched.certificates_s()
    text = "Seconds until a certificate ends"
    yield _gauge("certificate_expires_seconds", text, ends, "what", "till")
    stalled = watched.journal_stalled_s()
    yield _gauge("journal_stalled_seconds", "How long the journal has accepted no write", stalled)
    yield _gauge("journal_bytes", "Size of the journal's live part", watched.journal_bytes())
    yield _gauge("journal_free_bytes", "Room on its disk", watched.journal_free_bytes())
    exposed = watched.offline_exposure()
    amounts = {(till,): found.amount for till, found in exposed.items()}
    counts = {(till,): found.sales for till, found in exposed.items()}
    yield _gauge("offline_amount", "Unsent offline purchases, minor units", amounts, "till")
    yield _gauge("offline_purchases", "Unsent offline purchases", counts, "till")
    elsewhere = watched.unconfigured()
    amounts = {(till,): found.amount for till, found in elsewhere.items()}
    counts = {(till,): found.sales for till, found in elsewhere.items()}
    yield _gauge("unconfigured_amount", "Not over at other tills, minor units", amounts, "till")
    yield _gauge("unconfigured_sales", "Not over at other tills", counts, "till")
    yield _gauge("journal_behind", "Whether the journal cannot be served", watched.journal_behind())
    yield _gauge("alarms", "What a person has not acknowledged", watched.alarms())
    refused = {(kind,): count for kind, count in watched.refused_requests().items()}
    yield _counter("http_refused", "Requests refused", refused, "kind")
    yield _counter("log_lines_dropped", "Log lines dropped", logs.dropped())
    yield from _receivers(watched.receivers())


def _receivers(found: list[ReceiverStatus]) -> Iterator[Metric]:
    up = {(one.till,): one.up for one in found}
    line = {(one.till, name): n for one in found for name, n in one.line.items()}
    counts = {(one.till, reasons.name(r)): n for one in found for r, n in one.refusals.items()}
    yield _gauge("receiver_up", "Whether the receiver is connected", up, "till")
    yield _counter("line", "Counters of the serial line", line, "till", "counter")
    yield _counter("refusals", "Messages that the bridge refused", counts, "till", "reason")


def _gauge(name: str, text: str, values: float | Mapping[Any, float], *labels: str) -> Metric:
    return _family(GaugeMetricFamily, name, text, values, labels)


def _counter(name: str, text: str, values: float | Mapping[Any, float], *labels: str) -> Metric:
    return _family(CounterMetricFamily, name, text, values, labels)


def _family(
    kind: type[GaugeMetricFamily] | type[CounterMetricFamily],
    name: str,
    text: str,
    values: float | Mapping[Any, float],
    labels: tuple[str, ...],
) -> Metric:
    """Make one metric; `values` by label values, or the only one."""
    family = kind(PREFIX + name, text, labels=labels)
    rows = values if not isinstance(values, (int, float)) else {(): values}
    for row, value in rows.items():
        family.add_metric([str(label) for label in row], value)
    return family
