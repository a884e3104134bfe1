"""What the metrics look at, in a bridge that is scripted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bridge.authority.circuit_breaker import FAILURES_MOST, CircuitBreaker
from bridge.authority.clock_skew import Clock
from bridge.daemon.certificate_expiry import Endings
from bridge.daemon.metric_sources import Watch
from bridge.domain.offline import Exposure
from bridge.domain.states import State


def sale(till: int, amount: int, *, unsent: bool, state: State = State.PAID) -> Any:
    return SimpleNamespace(
        terms=SimpleNamespace(till=till, amount=amount), unsent=unsent, state=state
    )


def watch(*sales: Any, breaker: CircuitBreaker | None = None, journal: Path = Path()) -> Watch:
    books = SimpleNamespace(open_sales=lambda: iter(sales))
    service: Any = SimpleNamespace(books=books, sessions={7: None, 8: None})
    guard: Any = SimpleNamespace(refused={})
    return Watch(
        service=service,
        breaker=breaker or CircuitBreaker(),
        clock=Clock(),
        guard=guard,
        journal=journal,
        endings=Endings(),
    )


def test_exposure_is_summed_for_each_till() -> None:
    found = watch(
        sale(7, 100, unsent=True),
        sale(7, 23, unsent=True),
        sale(8, 5, unsent=False),
        sale(9, 50, unsent=True),  # its receiver is no longer configured, the money is out still
    )
    assert found.offline_exposure() == {7: Exposure(123, 2), 8: Exposure(0, 0), 9: Exposure(50, 1)}


def test_what_is_told_and_not_decided() -> None:
    told = sale(7, 1, unsent=False, state=State.TILL_NOTIFIED)
    assert watch(told, sale(7, 1, unsent=False), told).undecided() == 2


def test_the_breaker() -> None:
    breaker = CircuitBreaker()
    found = watch(breaker=breaker)
    assert not found.breaker_open()
    for _ in range(FAILURES_MOST):
        breaker.failed(0)
    assert found.breaker_open()
    breaker.succeeded()
    assert not found.breaker_open()


def test_the_journals_size_is_that_of_its_files(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    found = watch(journal=journal)
    assert found.journal_bytes() == 0
    journal.write_bytes(bytes(4096))
    journal.with_name("journal.sqlite-wal").write_bytes(bytes(100))
    assert found.journal_bytes() == 4196
    assert found.journal_free_bytes() > 0
