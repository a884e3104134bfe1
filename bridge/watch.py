"""What the metrics look at, where it stands (`bridge.metrics.Watched`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import breaker
from .journal import disk
from .money.offline import Exposure
from .money.states import State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .service import Service
    from .till.guard import Guard

_LIVE = ("", "-wal")  # what SQLite adds to the name of the journal


class Watch:
    """The parts of one bridge that have a state of their own."""

    def __init__(
        self, service: Service, breaker: breaker.Breaker, guard: Guard, journal: Path
    ) -> None:
        self._service = service
        self._breaker = breaker
        self._guard = guard
        self._journal = journal

    def receivers(self) -> list[dict[str, Any]]:
        return self._service.receivers()

    def outbox_depth(self) -> int:
        return self._service.outbox.depth()

    def outbox_oldest_s(self) -> float:
        return self._service.outbox.oldest_s()

    def offline_exposure(self) -> dict[int, Exposure]:
        found = dict.fromkeys(self._service.stations, Exposure(0, 0))
        for sale in self._service.books.open_sales():
            if sale.unsent:
                so_far = found.get(sale.terms.till, Exposure(0, 0))
                amount = so_far.amount + sale.terms.amount
                found[sale.terms.till] = Exposure(amount, so_far.sales + 1)
        return found

    def undecided(self) -> int:
        return sum(sale.state is State.TOLD for sale in self._service.books.open_sales())

    def breaker_open(self) -> bool:
        return self._breaker.state is not breaker.State.CLOSED

    def refused_requests(self) -> Mapping[str, int]:
        return self._guard.refused

    def journal_bytes(self) -> int:
        files = [self._journal.with_name(self._journal.name + more) for more in _LIVE]
        return sum(file.stat().st_size for file in files if file.exists())

    def journal_free_bytes(self) -> int:
        return disk.free(self._journal.parent)
