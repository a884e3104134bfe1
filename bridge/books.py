"""All sales of this bridge: in the journal first, then in memory, then told to who waits.

In memory are the sales that are not closed, and the latest that are; the rest is in the journal.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import events, stamps
from .book_queries import BookQueries
from .closing import closed_row, reopened
from .journal import ArchiveError, JournalFullError
from .logs import Log
from .money import facts
from .money.recovery import recover
from .money.sale import Fact, Sale
from .money.states import HALFWAY, NOTED, State
from .views import sale_view
from .waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .events import Hub
    from .journal import Entry, Journal
    from .money.alarms import Alarm

RECENT_MOST = 256  # closed sales in memory: tills ask for the latest ones again
FLUSH_S = 0.5  # what was only noted is on disk that soon, whatever else happens
WATCHED_S = 0.02  # and that soon where somebody watches, who is not told before

_log = Log(__name__)


class Books(BookQueries):
    """Keeps what the journal holds. Everything here runs on the event loop."""

    def __init__(self, journal: Journal, hub: Hub, fail: Callable[[Exception], None]) -> None:
        """Rebuilds every open sale; raises JournalError. `fail` ends the bridge."""
        self.hub = hub
        self.stamps = stamps.Stamps()
        self.waiting = Waiting()
        super().__init__(journal)
        self._fail = fail
        self._flushing: asyncio.TimerHandle | None = None
        self._due = False  # something is kept that is to be on the disk before anybody acts on it
        self._cursors: dict[
            tuple[str, str], int
        ] = {}  # of what was journalled and is still to be told
        for sale in facts.replay(journal.rebuild()).values():
            self._file(sale)
            if sale.closed and journal.closed(sale.terms.sale_id) is None:
                journal.close_sale(closed_row(sale, sale.decided_at))  # by an older bridge

    # What there is.

    def find(self, sale_id: str) -> Sale | None:
        """The sale, however long ago it was closed."""
        known = self._open.get(sale_id) or self._recent.get(sale_id)
        return known or self._look_up(sale_id)

    def events_since(self, cursor: int) -> list[dict[str, Any]]:
        """The events of sales that were journalled after `cursor`; raises CursorError.

        In order, each with the sale as it was just then. That a sale is approved is no event
        before the till was told.
        """
        self._flush()
        missed = {entry.id for entry in self._journal.since(cursor)}
        sales: dict[str, Sale] = {}
        found = []
        for entry in self._journal.rebuild():
            sale = facts.follow(sales, entry)
            if entry.id in missed and sale.state is not State.APPROVED:
                found.append(_missed(entry, sale))
        return found

    # What happens.

    def recover(self) -> list[Sale]:
        """After a restart: every open sale, once what a crash left half done is put right."""
        for sale in self.open_sales():
            fact = recover(sale)
            if fact is not None:
                self.take(sale, fact, "bridge")
        return list(self._open.values())

    def has_room(self) -> bool:
        """Whether the disk takes one more sale, and all that follows from it."""
        return self._journal.room()

    def begin(self, sale: Sale) -> None:
        """Journal a new sale."""
        terms = sale.terms
        with self._or_end():
            self._cursors[terms.sale_id, facts.RUNG] = self._journal.append(
                _now(), terms.sale_id, facts.RUNG, facts.dump_terms(terms)
            )
        self._written()
        self._open[terms.sale_id] = sale

    def begin_with(self, sale: Sale, fact: Fact) -> None:
        """Journal a sale and its first fact at once: a crash leaves both or none."""
        self.note_begun(sale, fact)
        self.settle()

    def note_begun(self, sale: Sale, fact: Fact) -> None:
        """The same, on the disk with what is settled next."""
        terms = sale.terms
        with self._or_end():
            self._journal.note(_now(), terms.sale_id, facts.RUNG, facts.dump_terms(terms))
        self._open[terms.sale_id] = sale  # before `settle`, which may archive all but the open ones
        sale.take(fact)
        self.keep(sale, fact)

    def acknowledge(self, key: str, by: str, note: str) -> bool:
        """Whether there was such an alarm; on the disk with what is settled next."""
        with self._or_end():
            known = self._journal.acknowledge(_now(), key, by, note)
        self._due = self._due or known
        return known

    def raise_alarm(self, alarm: Alarm) -> None:
        """Have it stand until a person acknowledges it; on the disk with what is settled next."""
        with self._or_end():
            new = self._journal.raise_alarm(_now(), alarm)
        if new:
            self._due = True
            _log.error("alarm", kind=alarm.kind, sale=alarm.sale_id or None, detail=alarm.detail)

    def keep(self, sale: Sale, fact: Fact) -> None:
        """Journal a fact that the sale has taken; on the disk after `settle`, unless it may wait.

        With the last one the sale is closed, in the same commit.
        """
        at, sale_id, written = _now(), sale.terms.sale_id, facts.dump_fact(fact)
        sale.date(fact.event, at)
        with self._or_end():
            number = self._journal.note(at, sale_id, fact.event, written.body, written.secret)
            if sale.closed:
                self._journal.close_sale(closed_row(sale, at))
                self._file(sale)
        self._cursors[sale_id, fact.event] = number
        if fact.event in NOTED or sale.state in HALFWAY:
            self._flush_soon()
        else:
            self._due = True

    def settle(self) -> None:
        """Whoever calls this is about to act on what was kept: it is on the disk from here on."""
        if self._due:
            self._flush()
        if self._journal.must_archive():
            self._archive()

    def take(self, sale: Sale, fact: Fact, source: str) -> None:
        """Apply, journal and tell a fact that no desk decided."""
        sale.take(fact)
        self.keep(sale, fact)
        self.settle()
        self.tell(sale, fact.event, source)

    def tell(self, sale: Sale, what: str, source: str) -> None:
        """Wake who waits for this sale, and show the watchers what happened.

        But that it is approved: they may be the till, and hear that when it is journalled as told.
        """
        terms = sale.terms
        _log.info("sale", sale=terms.sale_id, till=terms.till, what=what, state=sale.state)
        cursor = self._cursors.pop((terms.sale_id, what), None)
        if sale.state is not State.APPROVED:
            view = sale_view(sale)
            self.hub.publish("sale", source, terms.till, cursor=cursor, what=what, sale=view)
        self.waiting.wake(sale)

    def told(self, sale: Sale) -> None:
        """The till has the outcome; the first time is what counts."""
        sale_id = sale.terms.sale_id
        if not sale.answered or stamps.TOLD in self.stamps.of(sale_id):
            return
        self.stamps.mark(sale_id, stamps.TOLD)
        steps = self.stamps.of(sale_id)
        self.hub.publish("timing", "bridge", sale.terms.till, sale_id=sale_id, stamps=dict(steps))

    def close(self) -> None:
        """The bridge ends: nothing is only noted any more."""
        self._flush()

    # The journal.

    def _file(self, sale: Sale) -> None:
        """Among the open sales or among the recent ones."""
        sale_id = sale.terms.sale_id
        if not sale.closed:
            self._open[sale_id] = sale
            return
        self._open.pop(sale_id, None)
        self._recent[sale_id] = sale
        while len(self._recent) > RECENT_MOST:
            self._recent.popitem(last=False)

    def _archive(self) -> None:
        """Put closed sales away; what finds no room now is put away later."""
        with self._or_end():
            try:
                self._journal.archive(set(self._open))
            except JournalFullError as error:
                _log.error("no room for an archive", detail=str(error))
                return
        self._written()

    def _look_up(self, sale_id: str) -> Sale | None:
        """In the journal; raises ArchiveError where its archive is missing, which ends nothing."""
        with self._or_end(but=(ArchiveError,)):
            return reopened(self._journal, sale_id)

    def _flush_soon(self) -> None:
        """One commit for all that is noted meanwhile."""
        self.hub.hold()
        if self._flushing is None:
            seconds = WATCHED_S if self.hub.is_watched else FLUSH_S
            self._flushing = asyncio.get_running_loop().call_later(seconds, self._flush)

    def _flush(self) -> None:
        with self._or_end():
            self._journal.flush()
        self._written()

    def _written(self) -> None:
        """All that was noted is on the disk: watchers may be told of it."""
        self._due = False
        if self._flushing:
            self._flushing.cancel()
            self._flushing = None
        self.hub.release()

    @contextmanager
    def _or_end(self, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
        """End the bridge where the journal fails: memory may not say more than the disk."""
        try:
            yield
        except but:
            raise
        except Exception as error:
            self._fail(error)
            raise


def _now() -> int:
    return time.time_ns() // 1_000_000


def _missed(entry: Entry, sale: Sale) -> dict[str, Any]:
    return events.message(
        "sale",
        "journal",
        entry.at / 1000,
        sale.terms.till,
        cursor=entry.id,
        what=entry.kind,
        sale=sale_view(sale),
    )
