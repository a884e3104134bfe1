"""What the metrics look at, in a bridge that is scripted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bridge.authority.circuit_breaker import FAILURES_MOST, CircuitBreaker
from bridge.authority.clock_skew import Clock
from bridge.daemon.certificate_expiry import Endings
from bridge.daemon.metric_sources import Watch
from bridge.domain.receiver_status import ReceiverStatus, UpdateProgress
from bridge.domain.sale import Place
from bridge.domain.states import State
from bridge.observability.metrics import METRICS
from bridge.updates.update_states import UpdatePhase
from receiver import reasons

# Of the metrics themselves.
COUNTED = ("sales", "sale_events", "declines", "phase_seconds", "build_info", "log_lines_dropped")


def sale(till: int, amount: int, *, unsent: bool, state: State = State.PAID) -> Any:
    terms = SimpleNamespace(till=till, amount=amount, place=Place(till, bytes(8)))
    return SimpleNamespace(terms=terms, unsent=unsent, state=state, is_refund=False)


def looked(
    *sales: Any, breaker: CircuitBreaker | None = None, journal: Path = Path("journal.sqlite")
) -> dict[str, Any]:
    update = UpdateProgress(1, UpdatePhase.SENDING, 5, "0.5.0", 10, 100, "", reasons.OK)
    refusals = {reasons.BUSY: 1}
    receiver = ReceiverStatus(7, "seven", True, None, None, {"opened": 2}, refusals, 4, update)
    updates: Any = SimpleNamespace(ended={(7, "installed", "ok"): 3})
    service: Any = SimpleNamespace(
        books=SimpleNamespace(
            open_sales=lambda: iter(sales),
            alarms=lambda: [None],
            commits=SimpleNamespace(seconds=lambda: 7.5),
        ),
        outbox=SimpleNamespace(depth=lambda: 3, oldest_s=lambda: 61.5),
        sessions={7: None, 8: None},
        today=lambda: [Place(7, bytes(8)), Place(8, bytes(8))],
        receivers=lambda: [receiver],
        serves=False,
    )
    guard: Any = SimpleNamespace(refused={"unauthorized": 5})
    watch = Watch(
        service=service,
        updates=updates,
        breaker=breaker or CircuitBreaker(),
        clock=Clock(),
        guard=guard,
        journal=journal,
        endings=Endings(),
    )
    return watch.look()


def test_every_part_is_looked_at() -> None:
    found = looked()
    assert {*found, *COUNTED} == set(METRICS)
    assert (found["outbox_depth"], found["outbox_oldest_seconds"]) == (3, 61.5)
    assert (found["alarms"], found["journal_behind"]) == (1, True)
    assert found["journal_stalled_seconds"] == 7.5
    assert found["http_refused"] == [(("unauthorized",), 5)]
    assert (found["receiver_up"], found["line"]) == ([((7,), True)], [((7, "opened"), 2)])
    assert found["refusals"] == [((7, "busy"), 1)]
    assert found["receiver_release"] == [((7,), 4)]
    assert found["receiver_updating"] == [((7,), True)]
    assert list(found["updates"]) == [((7, "installed", "ok"), 3)]


def test_exposure_is_summed_for_each_till() -> None:
    found = looked(
        sale(7, 100, unsent=True),
        sale(7, 23, unsent=True),
        sale(8, 5, unsent=False),
        sale(9, 50, unsent=True),  # its receiver is no longer configured, the money is out still
    )
    assert found["offline_amount"] == [((7,), 123), ((8,), 0), ((9,), 50)]
    assert found["offline_purchases"] == [((7,), 2), ((8,), 0), ((9,), 1)]
    assert found["unconfigured_amount"] == [((9,), 50)]
    assert found["unconfigured_sales"] == [((9,), 1)]


def test_what_is_told_and_not_decided() -> None:
    told = sale(7, 1, unsent=False, state=State.TILL_NOTIFIED)
    assert looked(told, sale(7, 1, unsent=False), told)["undecided"] == 2


def test_the_breaker() -> None:
    breaker = CircuitBreaker()
    assert not looked(breaker=breaker)["breaker_open"]
    for _ in range(FAILURES_MOST):
        breaker.failed(0)
    assert looked(breaker=breaker)["breaker_open"]
    breaker.reset()
    assert not looked(breaker=breaker)["breaker_open"]


def test_the_journals_size_is_that_of_its_files(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    assert looked(journal=journal)["journal_bytes"] == 0
    journal.write_bytes(bytes(4096))
    journal.with_name("journal.sqlite-wal").write_bytes(bytes(100))
    found = looked(journal=journal)
    assert found["journal_bytes"] == 4196
    assert found["journal_free_bytes"] > 0
