"""The one place where facts become durable; acts and events follow once they are.

Facts are noted in the journal as they come. An act waits until every fact that is due is on the
disk; an event waits until all that is noted is there, as a crash may forget what is only noted.
While the journal takes no write (another program holds SQLite's lock, or the disk is full), facts
go on being noted in their order, and acts and events wait in theirs.
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
    from collections.abc import Callable, Iterator

    from bridge.domain.events import Event
    from bridge.journal import Journal

    Act = Callable[[], None]

SOON_S = 0.1  # what is noted and not due is on the disk that soon, and its events are told
LOCKED_AGAIN_S = 0.05  # a try that fails takes microseconds, and a cashier waits
FULL_AGAIN_S = 0.5  # a try writes until there is no room; people make some, not programs
END_S = 2.0  # for the last facts of a bridge that ends: what is lost then, nothing outside knows

_log = Log(__name__)


class Commits:
    """Of one journal."""

    def __init__(
        self,
        journal: Journal,
        tell: Callable[[Event], None],
        fail: Callable[[Exception], None],
    ) -> None:
        """`tell` publishes an event; `fail` ends the bridge."""
        self.reason = reasons.OK  # JOURNAL_LOCKED or JOURNAL_FULL while nothing can be written
        self._journal = journal
        self._tell = tell
        self._fail = fail
        self._due: dict[str, bool] = {}  # sale id → whether nothing of that sale is on the disk
        self._acts: deque[Act] = deque()
        self._events: deque[Event] = deque()
        self._listeners: list[Act] = []
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0  # of a stall, monotonic s
        self._over = asyncio.Event()

    # Facts.

    def due(self, sale_id: str = "", *, new: bool = False) -> None:
        """What was just noted is to be on the disk before any act; `sale_id` where it is a sale's.

        `new` where it is the first of its sale.
        """
        self._due[sale_id] = new or self._due.get(sale_id, False)

    def is_held(self, sale_id: str) -> bool:
        """Whether a sale has facts that may not be told yet: the journal took no write."""
        return sale_id in self._due

    def is_nowhere(self, sale_id: str) -> bool:
        """Whether a crash would leave nothing of a sale: it is not even to be shown as unknown."""
        return self._due.get(sale_id, False)

    def held(self) -> list[str]:
        """The sales with such facts."""
        return [sale_id for sale_id in self._due if sale_id]

    # What follows from them.

    def then(self, act: Act) -> None:
        """Do this with the next `commit`, or as soon after it as the journal is written again."""
        self._acts.append(act)

    def publish(self, event: Event) -> None:
        """Tell this once all that is noted is on the disk: at once, where it is."""
        if self._events or self._journal.has_noted:
            self._events.append(event)
            if not self._due:  # else `commit` is on its way
                self._arm(SOON_S)
        else:
            self._tell(event)

    def commit(self) -> bool:
        """Write what is due and do what follows; False where the journal takes no write."""
        if self._due and not self.reason:
            self.flush()
        elif not self.reason:
            self._go_on()
        return not self.reason

    def flush(self) -> None:
        """Write all that is noted; where the journal takes no write, again until it does."""
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
        """All that was noted is on the disk."""
        stalled = bool(self.reason)
        self._due.clear()
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
        """End the bridge where the journal fails: memory may not say more than the disk.

        But not where it only has to wait, nor for what the caller knows to be harmless (`but`).
        """
        try:
            yield
        except Exception as error:
            self.failed(error, *but)
            raise

    def failed(self, error: Exception, *but: type[Exception]) -> None:
        """End the bridge, unless the journal only has to wait, or for a cause in `but`."""
        if not isinstance(error, (JournalLaterError, *but)):
            self._fail(error)

    # While the journal takes no write.

    def listen(self, listener: Act) -> None:
        """Call `listener` each time that a stall is over and all that waited is done."""
        self._listeners.append(listener)

    def seconds(self) -> float:
        """For how long nothing was written, 0 where there is no stall."""
        return time.monotonic() - self._began if self.reason else 0.0

    def error(self) -> JournalLaterError:
        """What to raise where an answer would need what is not written."""
        kind = JournalBusyError if self.reason == reasons.JOURNAL_LOCKED else JournalFullError
        return kind("the journal takes no write just now")

    async def over(self) -> None:
        """Until everything is written."""
        while self.reason:
            await self._over.wait()

    async def end(self) -> None:
        """The bridge ends: write what is noted, if that can be; what waited is not done."""
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
        if self._journal.has_noted:
            self._arm(SOON_S)
            return
        while self._events:
            self._tell(self._events.popleft())

    def _stall(self, error: JournalLaterError) -> None:
        """A write was turned down: say so once, and try again later."""
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
        """Flush in so many seconds at the latest."""
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
    """The reason that tills are told."""
    busy = isinstance(error, JournalBusyError)
    return reasons.JOURNAL_LOCKED if busy else reasons.JOURNAL_FULL
