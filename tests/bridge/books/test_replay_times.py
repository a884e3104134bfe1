"""When things happened, for watchers who come back: as the journal has it, not when it is told."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from bridge.books.books import Books
from bridge.books.event_bus import EventBus
from bridge.domain import events
from bridge.domain.sale import Fact, Sale
from bridge.domain.states import Event
from bridge.journal import Journal
from receiver import reasons
from tests.support.bridge.outbox import TERMS
from tests.support.machines.controller import AT
from tests.support.values.clocks import Clock

HOUR_S = 3600
ENDED = Fact(Event.CANCELLED, reasons.NOBODY_CAME)


class Time:
    """The bridge's clocks, moved by the test alone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = AT + 0.5
        clock = Clock()
        clock.read = lambda: self.now
        clock.install(monkeypatch)


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def books_over(journal: Journal) -> Books:
    def fail(error: Exception) -> None:
        raise AssertionError from error

    return Books(journal, EventBus(), fail)


async def begun(books: Books, sale_id: str) -> Sale:
    """A new sale, which the till rang up just now."""
    sale = Sale(TERMS._replace(sale_id=sale_id))
    books.begin(sale, sale.copy(), events.TILL)
    books.commits.commit()
    return sale


async def test_replayed_events_have_the_times_of_the_journal(time: Time, path: Path) -> None:
    with closing(Journal.open(path)) as journal:
        books = books_over(journal)
        with books.bus.subscribe() as watch:
            sale = await begun(books, "sale-number-0001")
            time.now += 2.5
            books.take(sale, ENDED, events.BRIDGE)
            await books.close()
            live = [watch.queue.get_nowait() for _ in range(watch.queue.qsize())]
        time.now += HOUR_S
        again = books.events_since(0)
        assert [(one.what, one.at) for one in again] == [
            ("rung", AT + 0.5),
            ("cancelled", AT + 3),
        ]
        assert [one.at for one in again] == [one.at for one in live]
        assert [one.till for one in again] == [TERMS.till] * 2


async def test_over_archive_and_restart(time: Time, path: Path) -> None:
    """What is carried over is no news; what comes after it has its own time."""
    with closing(Journal.open(path)) as journal:
        books = books_over(journal)
        sale = await begun(books, "sale-number-0001")
        journal.archive({sale.terms.sale_id})
    with closing(Journal.open(path)) as journal:
        books = books_over(journal)
        last = journal._head.last
        time.now += HOUR_S
        sale = next(books.open_sales())
        books.take(sale, ENDED, events.BRIDGE)
        await books.close()
        time.now += HOUR_S
        [missed] = books.events_since(last)
        assert (missed.what, missed.at) == ("cancelled", AT + 0.5 + HOUR_S)
