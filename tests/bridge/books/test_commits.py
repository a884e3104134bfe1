"""Facts first, then what follows from them: the one place that makes them durable."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.books.books import Books
from bridge.books.commits import SOON_S
from bridge.books.event_bus import EventBus
from bridge.domain.events import BRIDGE, TILL, Refused, SaleChanged
from bridge.domain.sale import Fact, Sale
from bridge.domain.states import Event, State
from bridge.journal import Journal, JournalBusyError, JournalError
from receiver import reasons
from tests.support.bridge.outbox import TERMS

OFFERED = Fact(Event.OFFERED, offer=b"offer")  # may wait
HANDED = Fact(Event.APPROVAL_RECEIVED, approval=b"approval")  # is due


class Scene:
    """Books over a real journal, and everything that happens in its order."""

    def __init__(self, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
        self.journal = journal
        self.seen: list[str] = []
        self._acts: list[Callable[[], None]] = []
        self.failure: Exception | None = None
        self.locked = False
        bus = EventBus()
        bus.listen(self._hear)
        flush = journal.flush

        def flushing() -> None:
            if self.locked:
                raise JournalBusyError("locked")
            if journal.noted:
                self.seen.append("commit")
            flush()

        monkeypatch.setattr(journal, "flush", flushing)
        self.books = Books(journal, bus, self._fail)
        self.sale = Sale(TERMS)

    def _hear(self, event: object) -> None:
        if isinstance(event, SaleChanged):
            self.seen.append(f"event {event.what}")
        elif isinstance(event, Refused):
            self.seen.append("event refused")

    def _fail(self, error: Exception) -> None:
        self.failure = error

    def begin(self) -> None:
        self.books.begin(self.sale, self.sale.copy(), TILL)

    def take(self, fact: Fact) -> None:
        self.sale.take(fact)
        self.books.persist(self.sale, self.sale.copy(), fact, BRIDGE)

    def act(self, name: str) -> None:
        self._acts.append(lambda: self.seen.append(name))

    def commit(self) -> bool:
        acts, self._acts = self._acts, []
        return self.books.commits.commit(acts)

    async def unlock(self) -> None:
        """Until all that waited is done."""
        self.locked = False
        async with asyncio.timeout(10):
            await self.books.commits.over()

    def refused(self) -> None:
        self.books.commits.publish(Refused(BRIDGE, 0.0, 7, reasons.BUSY))


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    with closing(Journal.open(tmp_path / "journal.sqlite")) as journal:
        scene = Scene(journal, monkeypatch)
        yield scene
        scene.locked = False  # a test that failed is not to fail here, too


@pytest.fixture
def begun(scene: Scene) -> Scene:
    """With a sale that is in the journal, and what led there seen already."""
    scene.begin()
    scene.commit()
    scene.seen.clear()
    return scene


async def test_the_journal_is_written_before_every_outward_act(scene: Scene) -> None:
    """All facts of one turn are one commit; its acts come next, then its events."""
    scene.begin()
    scene.act("offer ordered")
    scene.take(OFFERED)
    scene.take(HANDED)
    scene.act("acknowledged")
    assert scene.seen == []
    assert scene.commit()
    assert scene.seen == [
        *("commit", "offer ordered", "acknowledged"),
        *("event rung", "event offered", "event approval_received"),
    ]


async def test_what_may_wait_holds_up_no_act_and_is_no_event_yet(begun: Scene) -> None:
    begun.take(OFFERED)
    begun.act("acknowledged")
    begun.refused()
    begun.commit()
    assert begun.seen == ["acknowledged"]
    await asyncio.wait_for(_written(begun), 10 * SOON_S + 5)
    assert begun.seen == ["acknowledged", "commit", "event offered", "event refused"]


async def test_without_anything_noted_an_event_is_told_at_once(scene: Scene) -> None:
    scene.refused()
    assert scene.seen == ["event refused"]


async def test_while_the_journal_takes_no_write_all_that_follows_waits(begun: Scene) -> None:
    begun.locked = True
    heard: list[str] = []
    begun.books.commits.listen(lambda: heard.append("written again"))
    begun.take(HANDED)
    begun.act("acknowledged")
    assert not begun.commit()
    begun.act("and more")
    begun.refused()
    assert not begun.commit()
    assert (begun.seen, heard) == ([], [])
    assert begun.books.is_held(begun.sale)
    assert begun.books.commits.reason == reasons.JOURNAL_LOCKED
    await begun.unlock()
    assert begun.seen == [
        *("commit", "acknowledged", "and more", "event approval_received", "event refused"),
    ]
    assert heard == ["written again"]
    assert not begun.books.is_held(begun.sale)


async def test_a_sale_of_which_nothing_is_written_is_nowhere(scene: Scene) -> None:
    scene.locked = True
    scene.begin()
    scene.commit()
    assert scene.books.is_nowhere(scene.sale)
    await scene.unlock()
    assert not scene.books.is_nowhere(scene.sale)


async def test_a_bridge_that_ends_does_not_do_what_waits(begun: Scene) -> None:
    begun.locked = True
    begun.take(HANDED)
    begun.act("acknowledged")
    begun.commit()
    begun.locked = False
    await begun.books.close()
    assert "acknowledged" not in begun.seen
    assert not begun.journal.noted


async def test_a_journal_that_fails_ends_the_bridge(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nothing follows from what it lacks."""

    def breaks() -> None:
        raise JournalError("the disk is gone")

    scene.begin()
    scene.act("offer ordered")
    with monkeypatch.context() as patch:
        patch.setattr(scene.journal, "flush", breaks)
        with pytest.raises(JournalError):
            scene.commit()
    assert isinstance(scene.failure, JournalError)
    assert scene.seen == []


async def test_an_act_that_fails_ends_the_bridge(scene: Scene) -> None:
    def fails() -> None:
        raise ValueError

    scene.begin()
    with pytest.raises(ValueError):  # noqa: PT011 - its type is all that it has
        scene.books.commits.commit([fails])
    assert isinstance(scene.failure, ValueError)


async def test_an_event_shows_the_sale_as_it_was_just_then(scene: Scene) -> None:
    states: list[State] = []
    scene.books.bus.listen(
        lambda event: states.append(event.sale.state) if isinstance(event, SaleChanged) else None
    )
    scene.begin()
    scene.take(OFFERED)
    scene.take(HANDED)
    scene.commit()
    assert states == [State.OPEN, State.OPEN, State.APPROVAL_RECEIVED]


async def _written(scene: Scene) -> None:
    while scene.journal.noted:  # noqa: ASYNC110 - a timer of the books' own writes it
        await asyncio.sleep(0)
    await asyncio.sleep(0)
