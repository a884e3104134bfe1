"""The sources of the metrics (`bridge.observability.metrics.Watched`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.authority import circuit_breaker
from bridge.books.unconfigured import at_other_places
from bridge.domain.offline import Exposure, exposure
from bridge.domain.states import State
from bridge.journal import disk

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bridge.authority.clock_skew import Clock
    from bridge.domain.receiver_status import ReceiverStatus
    from bridge.domain.sale import Sale
    from bridge.sales.sale_service import Service
    from bridge.till.server.access import Guard

    from .certificate_expiry import Endings

_LIVE = ("", "-wal")  # SQLite's suffixes of the journal's name


class Watch:
    """The parts of one bridge that have their own state."""

    def __init__(
        self,
        *,
        service: Service,
        breaker: circuit_breaker.CircuitBreaker,
        clock: Clock,
        guard: Guard,
        journal: Path,
        endings: Endings,
    ) -> None:
        self._service = service
        self._breaker = breaker
        self._clock = clock
        self._guard = guard
        self._journal = journal
        self._endings = endings

    def receivers(self) -> list[ReceiverStatus]:
        return self._service.receivers()

    def outbox_depth(self) -> int:
        return self._service.outbox.depth()

    def outbox_oldest_s(self) -> float:
        return self._service.outbox.oldest_s()

    def offline_exposure(self) -> dict[int, Exposure]:
        at: dict[int, list[Sale]] = {till: [] for till in self._service.sessions}
        for sale in self._service.books.open_sales():
            if sale.unsent:
                at.setdefault(sale.terms.till, []).append(sale)
        return {till: exposure(sales) for till, sales in at.items()}

    def unconfigured(self) -> dict[int, Exposure]:
        found: dict[int, list[Sale]] = {}
        sales_of = at_other_places(self._service.books.open_sales(), self._service.today())
        for place, sales in sales_of.items():
            found.setdefault(place.till, []).extend(sales)
        return {
            till: Exposure(sum(sale.terms.amount for sale in sales), len(sales))
            for till, sales in found.items()
        }

    def journal_behind(self) -> bool:
        return not self._service.serves

    def alarms(self) -> int:
        return len(self._service.books.alarms())

    def undecided(self) -> int:
        return sum(sale.state is State.TILL_NOTIFIED for sale in self._service.books.open_sales())

    def breaker_open(self) -> bool:
        return self._breaker.state is not circuit_breaker.BreakerState.CLOSED

    def clock_ahead_s(self) -> float | None:
        return self._clock.ahead_s

    def certificates_s(self) -> Mapping[tuple[str, str], float]:
        return self._endings.left_s()

    def refused_requests(self) -> Mapping[str, int]:
        return self._guard.refused

    def journal_stalled_s(self) -> float:
        return self._service.books.commits.seconds()

    def journal_bytes(self) -> int:
        files = [self._journal.with_name(self._journal.name + more) for more in _LIVE]
        return sum(file.stat().st_size for file in files if file.exists())

    def journal_free_bytes(self) -> int:
        return disk.free(self._journal.parent)
