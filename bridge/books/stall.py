"""While the journal takes no write: what waits for it, in order, and why it has to.

Another program holds SQLite's lock, or the disk is full. Facts go on being noted in their order;
nothing outside is told or asked before all of them are written.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bridge.journal import JournalBusyError, JournalFullError
from bridge.observability.logs import Log
from receiver import reasons

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.journal import JournalLaterError

LOCKED_AGAIN_S = 0.05  # a try that fails takes microseconds, and a cashier waits
FULL_AGAIN_S = 0.5  # a try writes until there is no room; people make some, not programs

_log = Log(__name__)


class Stall:
    """One for all books: off, or on with a `reason`."""

    def __init__(self) -> None:
        self.reason = reasons.OK  # JOURNAL_LOCKED or JOURNAL_FULL while nothing can be written
        self._began = 0.0  # monotonic s
        self._acts: list[Callable[[], None]] = []
        self._listeners: list[Callable[[], None]] = []
        self._over = asyncio.Event()

    def seconds(self) -> float:
        """For how long nothing was written, 0 where there is no stall."""
        return time.monotonic() - self._began if self.reason else 0.0

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` each time that a stall is over and all that was put off is done."""
        self._listeners.append(listener)

    def meet(self, error: JournalLaterError, holder: Callable[[], str]) -> float:
        """A write was turned down: say so once; seconds until it is worth another try."""
        reason = why(error)
        if not self.reason:
            self._began = time.monotonic()
            self._over = asyncio.Event()
        if reason != self.reason:
            detail = f"by {holder()}" if reason == reasons.JOURNAL_LOCKED else str(error)
            _log.error("the journal takes no write", reason=reasons.name(reason), detail=detail)
        self.reason = reason
        return LOCKED_AGAIN_S if reason == reasons.JOURNAL_LOCKED else FULL_AGAIN_S

    def put_off(self, act: Callable[[], None]) -> None:
        """Do this once all that is noted is written, after all that was put off before."""
        self._acts.append(act)

    def end(self) -> None:
        """All is written: do what was put off. Harmless where there was no stall."""
        if not self.reason:
            return
        _log.info("the journal is written again", detail=f"after {self.seconds():.2f} s")
        self.reason = reasons.OK
        self._over.set()
        acts, self._acts = self._acts, []
        for act in (*acts, *self._listeners):
            act()

    def abandon(self) -> None:
        """The bridge ends: what was put off is not done in this life."""
        self._acts.clear()
        self._listeners.clear()

    def error(self) -> JournalLaterError:
        """What to raise where an answer would need what is not written."""
        kind = JournalBusyError if self.reason == reasons.JOURNAL_LOCKED else JournalFullError
        return kind("the journal takes no write just now")

    async def over(self) -> None:
        """Until everything is written."""
        while self.reason:
            await self._over.wait()


def why(error: JournalLaterError) -> int:
    """The reason that tills are told."""
    busy = isinstance(error, JournalBusyError)
    return reasons.JOURNAL_LOCKED if busy else reasons.JOURNAL_FULL
