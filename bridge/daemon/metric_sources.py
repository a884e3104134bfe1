"""The metrics of the parts that have their own state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.authority.circuit_breaker import BreakerState
from bridge.books.unconfigured import at_other_places
from bridge.domain.offline import Exposure, exposure
from bridge.domain.states import State
from bridge.journal import disk
from bridge.updates.update_states import OUT_OF_USE
from receiver import reasons

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.authority.circuit_breaker import CircuitBreaker
    from bridge.authority.clock_skew import Clock
    from bridge.domain.sale import Sale
    from bridge.observability.metrics import Values
    from bridge.sales.sale_service import Service
    from bridge.till.server.access import Guard
    from bridge.updates.update_service import UpdateService

    from .certificate_expiry import Endings

_LIVE = ("", "-wal")  # SQLite's suffixes of the journal's name


class Watch:
    """The parts of one bridge that have their own state."""

    def __init__(
        self,
        *,
        service: Service,
        updates: UpdateService,
        breaker: CircuitBreaker,
        clock: Clock,
        guard: Guard,
        journal: Path,
        endings: Endings,
    ) -> None:
        self._service = service
        self._updates = updates
        self._breaker = breaker
        self._clock = clock
        self._guard = guard
        self._journal = journal
        self._endings = endings

    def look(self) -> dict[str, Values]:
        """Return the values of metrics (`METRICS`), by the values of their labels."""
        service, books = self._service, self._service.books
        ahead_s = self._clock.ahead_s
        offline, elsewhere = self._offline().items(), self._elsewhere().items()
        receivers = service.receivers()
        return {
            "undecided": sum(sale.state is State.TILL_NOTIFIED for sale in books.open_sales()),
            "outbox_depth": service.outbox.depth(),
            "outbox_oldest_seconds": service.outbox.oldest_s(),
            "breaker_open": self._breaker.state is not BreakerState.CLOSED,
            "clock_offset_seconds": () if ahead_s is None else ahead_s,
            "certificate_expires_seconds": self._endings.left_s().items(),
            "journal_stalled_seconds": books.commits.seconds(),
            "journal_bytes": self._journal_bytes(),
            "journal_free_bytes": disk.free(self._journal.parent),
            "offline_amount": [((till,), found.amount) for till, found in offline],
            "offline_purchases": [((till,), found.sales) for till, found in offline],
            "unconfigured_amount": [((till,), found.amount) for till, found in elsewhere],
            "unconfigured_sales": [((till,), found.sales) for till, found in elsewhere],
            "journal_behind": not service.serves,
            "alarms": len(books.alarms()),
            "http_refused": [((kind,), count) for kind, count in self._guard.refused.items()],
            "receiver_up": [((one.till,), one.up) for one in receivers],
            "receiver_release": [
                ((one.till,), one.release) for one in receivers if one.release is not None
            ],
            "receiver_updating": [
                ((one.till,), one.update is not None and one.update.phase in OUT_OF_USE)
                for one in receivers
            ],
            "updates": self._updates.ended.items(),
            "line": [((one.till, name), n) for one in receivers for name, n in one.line.items()],
            "refusals": [
                ((one.till, reasons.name(reason)), n)
                for one in receivers
                for reason, n in one.refusals.items()
            ],
        }

    def _offline(self) -> dict[int, Exposure]:
        """Return the offline approvals that were not uploaded yet, by till."""
        at: dict[int, list[Sale]] = {till: [] for till in self._service.sessions}
        for sale in self._service.books.open_sales():
            if sale.unsent:
                at.setdefault(sale.terms.till, []).append(sale)
        return {till: exposure(sales) for till, sales in at.items()}

    def _elsewhere(self) -> dict[int, Exposure]:
        """Return what is open at tills that are not configured today, by earlier till."""
        found: dict[int, list[Sale]] = {}
        sales_of = at_other_places(self._service.books.open_sales(), self._service.today())
        for place, sales in sales_of.items():
            found.setdefault(place.till, []).extend(sales)
        return {
            till: Exposure(sum(sale.terms.amount for sale in sales), len(sales))
            for till, sales in found.items()
        }

    def _journal_bytes(self) -> int:
        files = [self._journal.with_name(self._journal.name + more) for more in _LIVE]
        return sum(file.stat().st_size for file in files if file.exists())
