"""The one place where facts become durable; acts and events follow after that.

Facts are noted in the journal as they come. An act waits until every due fact is on the disk; an
event waits until every noted fact is on the disk, as a crash loses facts that are only noted.
During a stall (another program holds SQLite's lock, or the disk is full), facts are still noted in
their order, and acts and events wait in theirs.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from bridge.journal import JournalBusyError, JournalFullError, JournalLaterError
from bridge.observability.logs import Log
from receiver import reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from bridge.domain.events import Event
    from bridge.journal import Journal

    Act = Callable[[], None]

SOON_S = 0.1  # facts that are not due are on the disk, and their events published, after this
LOCKED_AGAIN_S = 0.05  # a failed attempt takes microseconds, and a cashier waits
FULL_AGAIN_S = 0.5  # an attempt writes until the disk is full; only people make room
END_S = 2.0  # for the last facts of a bridge that ends: no other part has seen those that it loses

_log = Log(__name__)


class Commits:
    """The commits of one journal."""

    def __init__(
        self,
        journal: Journal,
        tell: Callable[[Event], None],
        wake: Callable[[str], None],
        fail: Callable[[Exception], None],
    ) -> None:
        """`tell` publishes an event; `wake` gets the sales of a stall; `fail` ends the bridge."""
        self.reason = reasons.OK  # JOURNAL_LOCKED or JOURNAL_FULL while nothing can be written
        # Sales whose facts may not be shown yet; True if a crash would leave no trace of the sale.
        self.held: dict[str, bool] = {}
        self._journal = journal
        self._tell = tell
        self._wake = wake
        self._fail = fail
        self._acts: deque[Act] = deque()
        self._events: deque[Event] = deque()
        self._listeners: list[Act] = []
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0  # the start of a stall, monotonic s
        self._over = asyncio.Event()

    # Facts.

    def due(self, sale_id: str = "", *, new: bool = False) -> None:
        """Require the last noted fact on the disk before any act; `sale_id` if it is a sale's.

        `new` if it is the first fact of its sale.
        """
        self.held[sale_id] = new or self.held.get(sale_id, False)

    # Acts and events.

    def publish(self, event: Event, *, due: str | None = None) -> None:
        """Publish an event once every noted fact is on the disk, at once if all are.

        `due` is the sale of the last noted fact if that must be on the disk before any act.
        """
        if due is not None:
            self.due(due)
        if self._events or self._journal.noted:
            self._events.append(event)
            if not self.held:  # else a `commit` follows
                self._arm(SOON_S)
        else:
            self._tell(event)

    def commit(self, acts: Iterable[Act] = ()) -> bool:
        """Write due facts and do `acts` after them; False during a stall: then they wait."""
        self._acts.extend(acts)
        if self.held and not self.reason:
            self.flush()
        elif not self.reason:
            self._go_on()
        for sale_id in self.held:  # in a stall
            self._wake(sale_id)
        return not self.reason

    def flush(self) -> None:
        """Write all noted facts; during a stall, try again until it is over."""
        try:
            self._journal.flush()
        except JournalLaterError as error:
            self._stall(error)
            return
        except Exception as error:
            self._fail(error)
            raise
        try:
            self.written()
        except Exception as error:
            self.failed(error)
            raise

    def written(self) -> None:
        """Publish and act after all noted facts are on the disk."""
        stalled = bool(self.reason)
        self.held.clear()
        self._disarm()
        if stalled:
            _log.info("the journal is written again", detail=f"after {self.seconds():.2f} s")
            self.reason = reasons.OK
            self._over.set()
        self._go_on()
        for listener in self._listeners if stalled else ():
            listener()

    @contextmanager
    def or_end(self, *but: type[Exception]) -> Iterator[None]:
        """End the bridge if the journal fails: memory must not be ahead of the disk.

        A stall does not end it, nor do the harmless errors that the caller names (`but`).
        """
        try:
            yield
        except Exception as error:
            self.failed(error, *but)
            raise

    def failed(self, error: Exception, *but: type[Exception]) -> None:
        """End the bridge, except for a stall and for the errors in `but`."""
        if not isinstance(error, (JournalLaterError, *but)):
            self._fail(error)

    # Stalls.

    def listen(self, listener: Act) -> None:
        """Call `listener` after each stall, once all waiting acts are done."""
        self._listeners.append(listener)

    def seconds(self) -> float:
        """Return the seconds that a stall has lasted, 0 without a stall."""
        return time.monotonic() - self._began if self.reason else 0.0

    def error(self) -> JournalLaterError:
        """Return the error for an answer that needs facts which are not written."""
        kind = JournalBusyError if self.reason == reasons.JOURNAL_LOCKED else JournalFullError
        return kind("the journal takes no write just now")

    async def over(self) -> None:
        """Wait until everything is written."""
        while self.reason:
            await self._over.wait()

    async def end(self) -> None:
        """Write the noted facts, if possible, as the bridge ends; waiting acts are dropped."""
        self._acts.clear()
        self._listeners.clear()
        self.flush()
        with suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await self.over()
        self._disarm()

    # Helpers.

    def _go_on(self) -> None:
        while self._acts and not self.reason:
            self._acts.popleft()()
        if self._journal.noted:
            self._arm(SOON_S)
            return
        while self._events:
            self._tell(self._events.popleft())

    def _stall(self, error: JournalLaterError) -> None:
        """Begin a stall after a failed write: log it once, and try again later."""
        reason = why(error)
        if not self.reason:
            self._began = time.monotonic()
            self._over = asyncio.Event()
        if reason != self.reason:
            locked = reason == reasons.JOURNAL_LOCKED
            detail = f"by {self._journal.holder()}" if locked else str(error)
            _log.error("the journal takes no write", reason=reasons.name(reason), detail=detail)
        self.reason = reason
        self._disarm()
        self._arm(LOCKED_AGAIN_S if reason == reasons.JOURNAL_LOCKED else FULL_AGAIN_S)

    def _arm(self, seconds: float) -> None:
        """Flush after `seconds` at the latest."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._flush_late)

    def _flush_late(self) -> None:
        self._timer = None
        self.flush()

    def _disarm(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


def why(error: JournalLaterError) -> int:
    """Return the reason that tills see."""
    busy = isinstance(error, JournalBusyError)
    return reasons.JOURNAL_LOCKED if busy else reasons.JOURNAL_FULL
