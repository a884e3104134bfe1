"""All sales of this bridge: in the journal first, then in memory, then told to who waits.

In memory are the sales that are not closed, and the latest that are; the rest is in the journal.
"""

from __future__ import annotations

import time
from copy import copy
from functools import partial
from typing import TYPE_CHECKING

from bridge.domain import event_codec
from bridge.domain.crash_recovery import recover
from bridge.domain.events import SaleChanged, SaleTimed
from bridge.domain.sale import Fact, Sale
from bridge.domain.states import HALFWAY, NOTED, Event, State
from bridge.journal import ArchiveError, JournalLaterError
from bridge.observability import timings
from bridge.observability.logs import Log
from receiver import reasons

from .closed_sales import closed_row, reopened
from .flushing import Flushing
from .queries import BookQueries
from .stall import why
from .waiters import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain.alarms import Alarm
    from bridge.journal import Entry, Journal

    from .event_bus import EventBus

RECENT_MOST = 256  # closed sales in memory: tills ask for the latest ones again

_STEPS: dict[str, str] = {Event.OFFERED: timings.OFFER, Event.HANDED: timings.APPROVAL_KEPT}
_log = Log(__name__)


class Books(BookQueries):
    """Keeps what the journal holds. Everything here runs on the event loop."""

    def __init__(self, journal: Journal, hub: EventBus, fail: Callable[[Exception], None]) -> None:
        """Rebuilds every open sale; raises JournalError. `fail` ends the bridge."""
        self.hub = hub
        self.stamps = timings.Stamps()
        self._flushing = Flushing(journal, hub, fail)
        self.stall = self._flushing.stall
        self.waiting = Waiting(self.is_held)
        super().__init__(journal)
        self._cursors: dict[
            tuple[str, str], int
        ] = {}  # of what was journalled and is still to be told
        for sale in event_codec.replay(journal.rebuild()).values():
            self._file(sale)
            if sale.closed and journal.closed(sale.terms.sale_id) is None:
                journal.close_sale(closed_row(sale, sale.decided_at))  # by an older bridge

    # What there is.

    def find(self, sale_id: str) -> Sale | None:
        """The sale, however long ago it was closed."""
        known = self._open.get(sale_id) or self._recent.get(sale_id)
        return known or self._look_up(sale_id)

    def events_since(self, cursor: int) -> list[SaleChanged]:
        """The events of sales that were journalled after `cursor`; raises CursorError.

        And JournalLaterError where not all of them are on the disk.

        In order, each with the sale as it was just then. That a sale is approved is no event
        before the till was told.
        """
        self.flush()
        if self.stall.reason:
            raise self.stall.error()
        missed = {entry.id for entry in self._journal.since(cursor)}
        sales: dict[str, Sale] = {}
        found = []
        for entry in self._journal.rebuild():
            sale = event_codec.follow(sales, entry)
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
        """Journal a new sale; on the disk after `settle`."""
        self._cursors[sale.terms.sale_id, event_codec.RUNG] = self._note_terms(sale)

    def begin_with(self, sale: Sale, fact: Fact) -> None:
        """Journal a sale and its first fact at once: a crash leaves both or none."""
        self.note_begun(sale, fact)
        self.settle()

    def note_begun(self, sale: Sale, fact: Fact) -> None:
        """The same, on the disk with what is settled next."""
        self._note_terms(sale)
        sale.take(fact)
        self.keep(sale, fact)

    def raise_alarm(self, alarm: Alarm) -> None:
        """Have it stand until a person acknowledges it; on the disk with what is settled next."""
        with self._flushing.or_end():
            new = self._journal.raise_alarm(_now(), alarm)
        if new:
            self._flushing.due_beside = True
            _log.error("alarm", kind=alarm.kind, sale=alarm.sale_id or None, detail=alarm.detail)

    def acknowledge(self, key: str, by: str, note: str) -> bool:
        """Whether there was such an alarm; on the disk with what is settled next."""
        with self._flushing.or_end():
            known = self._journal.acknowledge(_now(), key, by, note)
        self._flushing.due_beside = self._flushing.due_beside or known
        return known

    def keep(self, sale: Sale, fact: Fact) -> None:
        """Journal a fact that the sale has taken; on the disk after `settle`, unless it may wait.

        With the last one the sale is closed, in the same commit.
        """
        at, sale_id, written = _now(), sale.terms.sale_id, event_codec.dump_fact(fact)
        sale.date(fact.event, at)
        with self._flushing.or_end():
            number = self._journal.note(at, sale_id, fact.event, written.body, written.secret)
            if sale.closed:
                self._journal.close_sale(closed_row(sale, at))
                self._file(sale)
        self._cursors[sale_id, fact.event] = number
        if fact.event in NOTED or sale.state in HALFWAY:
            self._flushing.soon()
        else:
            self._flushing.due[sale_id] = sale

    def settle(self) -> bool:
        """Bring what was kept to the disk before it is acted on; False: the act is to be put off.

        Then (`stall`) nothing outside may be told or asked, and who waits sees why.
        """
        if not self._flushing.settle():
            for sale in self._flushing.due.values():
                self.waiting.wake(sale)
            return False
        if self._journal.must_archive():
            self._archive()
        return True

    def is_held(self, sale: Sale) -> bool:
        """Whether it has facts that may not be told yet: the journal took no write."""
        return self._flushing.is_held(sale)

    def is_nowhere(self, sale: Sale) -> bool:
        """Whether a crash would leave nothing of it: it is not even to be shown as unknown."""
        return self._flushing.is_nowhere(sale)

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
        cursor = self._cursors.pop((sale.terms.sale_id, what), None)
        if self.stall.reason:
            self.stall.put_off(partial(self._tell, copy(sale), what, source, cursor))
        else:
            self._tell(copy(sale), what, source, cursor)

    def _tell(self, sale: Sale, what: str, source: str, cursor: int | None) -> None:
        terms = sale.terms
        if step := _STEPS.get(what):
            self.stamps.mark(terms.sale_id, step)
        _log.info("sale", sale=terms.sale_id, till=terms.till, what=what, state=sale.state)
        if sale.state is not State.APPROVED:
            self.hub.publish(SaleChanged(source, time.time(), terms.till, cursor, what, sale))
        self.waiting.wake(sale)

    def told(self, sale: Sale) -> None:
        """The till has the outcome; the first time is what counts."""
        sale_id = sale.terms.sale_id
        if not sale.answered or timings.TOLD in self.stamps.of(sale_id):
            return
        self.stamps.mark(sale_id, timings.TOLD)
        steps = dict(self.stamps.of(sale_id))
        self.hub.publish(SaleTimed("bridge", time.time(), sale.terms.till, sale_id, steps))

    def flush(self) -> None:
        """Bring all that was noted to the disk, now or (`stall`) as soon as that can be."""
        self._flushing.now()

    async def close(self) -> None:
        """The bridge ends: nothing is only noted any more, if that can be."""
        await self._flushing.end()

    # The journal.

    def _note_terms(self, sale: Sale) -> int:
        """Note a new sale; the number of its line in the journal."""
        terms = sale.terms
        with self._flushing.or_end():
            number = self._journal.note(
                _now(), terms.sale_id, event_codec.RUNG, event_codec.dump_terms(terms)
            )
        self._flushing.due[terms.sale_id] = sale
        self._flushing.new.add(terms.sale_id)
        self._open[terms.sale_id] = sale  # before `settle`, which may archive all but the open ones
        return number

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
        with self._flushing.or_end():
            try:
                self._journal.archive(set(self._open))
            except JournalLaterError as error:
                _log.error("archive put off", reason=reasons.name(why(error)), detail=str(error))
                return
        self._flushing.written()

    def _look_up(self, sale_id: str) -> Sale | None:
        """In the journal; raises ArchiveError where its archive is missing, which ends nothing."""
        with self._flushing.or_end(ArchiveError):
            return reopened(self._journal, sale_id)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _missed(entry: Entry, sale: Sale) -> SaleChanged:
    at, till = entry.at / 1000, sale.terms.till
    return SaleChanged("journal", at, till, entry.id, entry.kind, copy(sale))
