"""All sales of this bridge: journalled first, then in memory, then published to waiters.

Open sales and the latest closed ones are in memory; the others are in the journal only.
"""

from __future__ import annotations

import asyncio
import time
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
from .commits import Commits, why
from .queries import BookQueries
from .waiters import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.domain.alarms import Alarm
    from bridge.domain.events import Event as Published
    from bridge.journal import Entry, Journal

    from .event_bus import EventBus

RECENT_MOST = 256  # closed sales in memory: tills ask for the latest ones again

_log = Log(__name__)


class Books(BookQueries):
    """The sales of the journal, in memory. Everything here runs on the event loop."""

    def __init__(self, journal: Journal, bus: EventBus, fail: Callable[[Exception], None]) -> None:
        """Rebuild every open sale; raises JournalError. `fail` ends the bridge."""
        self.bus = bus
        self.stamps = timings.Stamps()
        self.commits = Commits(journal, self._tell, lambda name: self.waiting.wake(name), fail)
        self.waiting = Waiting(self.commits.held)
        super().__init__(journal)
        for sale in event_codec.replay(journal.rebuild()).values():
            self._file(sale)

    # Queries.

    def find(self, sale_id: str) -> Sale | None:
        """Return the sale, however long ago it was closed."""
        known = self._open.get(sale_id) or self._recent.get(sale_id)
        return known or self._look_up(sale_id)

    def events_since(self, cursor: int) -> list[SaleChanged]:
        """Return the sale events that were journalled after `cursor`, in order.

        Each has a copy of the sale at that moment. An approval is published only once the till
        is notified. Raises CursorError, and JournalLaterError if some are not on the disk.
        """
        self.commits.flush()
        if self.commits.reason:
            raise self.commits.error()
        missed = {entry.id for entry in self._journal.since(cursor)}
        sales: dict[str, Sale] = {}
        found = []
        for entry in self._journal.rebuild():
            sale = event_codec.follow(sales, entry)
            if entry.id in missed and sale.state is not State.APPROVED:
                found.append(_missed(entry, sale))
        return found

    # Changes.

    def recover(self) -> list[Sale]:
        """Repair after a restart what a crash left half done; return every open sale."""
        for sale in self.open_sales():
            fact = recover(sale)
            if fact is not None:
                self.take(sale, fact, "bridge")
        return list(self._open.values())

    def has_room(self) -> bool:
        """Whether the disk has room for one more sale and all its facts."""
        return self._journal.room()

    def begin(self, sale: Sale, after: Sale, source: str) -> None:
        """Journal a new sale; on the disk with the next `commit`."""
        cursor = self._note_terms(sale)
        self._publish(after, event_codec.RUNG, source, cursor, due=True)

    def begin_with(self, sale: Sale, fact: Fact, source: str) -> None:
        """Journal a sale and its first fact at once: a crash leaves both or none."""
        self.note_begun(sale, fact, source)
        self.commits.commit()

    def note_begun(self, sale: Sale, fact: Fact, source: str) -> None:
        """Journal a sale and its first fact; on the disk with the next `commit`."""
        self._note_terms(sale)
        self.persist(sale, sale.after(fact), fact, source)

    def raise_alarm(self, alarm: Alarm) -> None:
        """Raise an alarm until a person acknowledges it; on the disk with the next `commit`."""
        with self.commits.or_end():
            new = self._journal.raise_alarm(_now(), alarm)
        if new:
            self.commits.due()
            _log.error("alarm", kind=alarm.kind, sale=alarm.sale_id or None, detail=alarm.detail)

    def acknowledge(self, key: str, by: str, note: str) -> bool:
        """Acknowledge an alarm, return whether it exists; on the disk with the next `commit`."""
        with self.commits.or_end():
            known = self._journal.acknowledge(_now(), key, by, note)
        if known:
            self.commits.due()
        return known

    def persist(self, sale: Sale, after: Sale, fact: Fact, source: str) -> None:
        """Journal an applied fact and publish it; `after` is a copy of the sale just after it.

        The fact is on the disk with the next `commit`, unless it may wait. The last fact of a
        sale closes it, in the same commit.
        """
        at, sale_id, written = _now(), sale.terms.sale_id, event_codec.dump_fact(fact)
        closed = sale.date(fact.event, at, after)
        try:
            number = self._journal.note(at, sale_id, fact.event, written.body, written.secret)
            if closed:
                self._journal.close_sale(closed_row(sale, at))
                self._file(sale)
                asyncio.get_running_loop().call_soon(self._archive)
        except Exception as error:
            self.commits.failed(error)
            raise
        self._publish(after, fact.event, source, number, due=_is_due(fact.event, after))

    def publish(self, after: Sale, event: Event, source: str) -> None:
        """Publish an event that is not journalled; `after` is a copy of the sale just after it."""
        self._publish(after, event, source, None, due=False)

    def is_held(self, sale: Sale) -> bool:
        """Whether facts of the sale may not be shown yet, as the journal accepted no write."""
        return sale.terms.sale_id in self.commits.held

    def is_nowhere(self, sale: Sale) -> bool:
        """Whether a crash would leave no trace of the sale: then it is not shown at all."""
        return self.commits.held.get(sale.terms.sale_id, False)

    def take(self, sale: Sale, fact: Fact, source: str) -> None:
        """Apply and journal a fact that no controller decided."""
        self.persist(sale, sale.after(fact), fact, source)
        self.commits.commit()

    def told(self, sale: Sale) -> None:
        """Publish the times of a sale whose outcome the till has; only the first call counts."""
        sale_id = sale.terms.sale_id
        if not sale.answered or timings.TOLD in self.stamps.of(sale_id):
            return
        self.stamps.mark(sale_id, timings.TOLD)
        steps = dict(self.stamps.of(sale_id))
        self.commits.publish(SaleTimed("bridge", time.time(), sale.terms.till, sale_id, steps))

    async def close(self) -> None:
        """Write all noted facts to the disk, if possible, as the bridge ends."""
        await self.commits.end()

    # Events.

    def _publish(
        self, after: Sale, what: str, source: str, cursor: int | None, *, due: bool
    ) -> None:
        """Publish an event once it is durable; an event that is not due wakes waiters at once."""
        sale_id, till = after.terms.sale_id, after.terms.till
        event = SaleChanged(source, time.time(), till, cursor, what, after)
        self.commits.publish(event, due=sale_id if due else None)
        if not due:
            self.waiting.wake(sale_id)

    def _tell(self, event: Published) -> None:
        self.bus.publish(event)
        if not isinstance(event, SaleChanged):
            return
        sale_id, what, after = event.sale.terms.sale_id, event.what, event.sale
        _log.info("sale", sale=sale_id, till=event.till, what=what, state=after.state)
        if what == Event.APPROVAL_RECEIVED:
            self.stamps.mark(sale_id, timings.APPROVAL_KEPT)
        if event.cursor and _is_due(what, after):
            self.waiting.wake(sale_id)

    # The journal.

    def _note_terms(self, sale: Sale) -> int:
        """Journal the terms of a new sale; return the sequence number of the entry."""
        terms = sale.terms
        with self.commits.or_end():
            number = self._journal.note(
                _now(), terms.sale_id, event_codec.RUNG, event_codec.dump_terms(terms)
            )
        self.commits.due(terms.sale_id, new=True)
        self._open[terms.sale_id] = sale  # before `commit`, which may archive all but the open ones
        return number

    def _file(self, sale: Sale) -> None:
        """Move the sale to the open or to the recent ones."""
        sale_id = sale.terms.sale_id
        if not sale.closed:
            self._open[sale_id] = sale
            return
        self._open.pop(sale_id, None)
        self._recent[sale_id] = sale
        while len(self._recent) > RECENT_MOST:
            self._recent.popitem(last=False)

    def _archive(self) -> None:
        """Archive closed sales once it pays; without room on the disk, try again later."""
        if not self._journal.must_archive():
            return
        with self.commits.or_end():
            try:
                self._journal.archive(set(self._open))
            except JournalLaterError as error:
                _log.error("archive put off", reason=reasons.name(why(error)), detail=str(error))
                return
        self.commits.written()

    def _look_up(self, sale_id: str) -> Sale | None:
        """Look a sale up in the journal; raises ArchiveError if its archive is missing."""
        with self.commits.or_end(ArchiveError):
            return reopened(self._journal, sale_id)


def _is_due(event: str, after: Sale) -> bool:
    """Whether a fact must be on the disk before any act that follows it."""
    return event not in NOTED and after.state not in HALFWAY


def _now() -> int:
    return time.time_ns() // 1_000_000


def _missed(entry: Entry, sale: Sale) -> SaleChanged:
    at, till = entry.at / 1000, sale.terms.till
    return SaleChanged("journal", at, till, entry.id, entry.kind, sale.copy())
