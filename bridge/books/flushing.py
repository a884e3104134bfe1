"""When what is noted in the journal comes to the disk: before an act, soon, or once that can be."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from bridge.journal import JournalLaterError

from .stall import Stall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bridge.domain.sale import Sale
    from bridge.journal import Journal

    from .event_bus import EventBus

FLUSH_S = 0.5  # what was only noted is on disk that soon, whatever else happens
WATCHED_S = 0.02  # and that soon where somebody watches, who is not told before
END_S = 2.0  # for the last facts of a bridge that ends: what is lost then, nothing outside knows


class Flushing:
    """Flushes one journal. `due` are the sales with facts to be on the disk before any act."""

    def __init__(self, journal: Journal, hub: EventBus, fail: Callable[[Exception], None]) -> None:
        self.stall = Stall()
        self.due: dict[str, Sale] = {}
        self.due_beside = False  # something that is of no sale
        self.new: set[str] = set()  # of those, the sales of which nothing is on the disk
        self._journal = journal
        self._hub = hub
        self._fail = fail
        self._timer: asyncio.TimerHandle | None = None

    def is_held(self, sale: Sale) -> bool:
        """Whether it has facts that may not be told yet: the journal took no write."""
        return bool(self.stall.reason) and sale.terms.sale_id in self.due

    def is_nowhere(self, sale: Sale) -> bool:
        """Whether a crash would leave nothing of it: it is not even to be shown as unknown."""
        return bool(self.stall.reason) and sale.terms.sale_id in self.new

    def soon(self) -> None:
        """One commit for all that is noted meanwhile."""
        self._hub.hold()
        if self._timer is None:
            self._set(WATCHED_S if self._hub.is_watched else FLUSH_S)

    def settle(self) -> bool:
        """Whether all that is due is on the disk now; what waits for a stall is not tried here."""
        if (self.due or self.due_beside) and not self.stall.reason:
            self.now()
        return not self.stall.reason

    def now(self) -> None:
        """Flush; where the journal takes no write, again and again until it does."""
        with self.or_end():
            try:
                self._journal.flush()
            except JournalLaterError as error:
                self._set(self.stall.meet(error, self._journal.holder))
                return
        self.written()

    def written(self) -> None:
        """All that was noted is on the disk: it may be told, and acted on."""
        self.due.clear()
        self.due_beside = False
        self.new.clear()
        self._unset()
        self._hub.release()
        with self.or_end():
            self.stall.end()

    async def end(self) -> None:
        """The bridge ends: nothing is only noted any more, if that can be."""
        self.stall.abandon()
        self.now()
        with suppress(TimeoutError):
            async with asyncio.timeout(END_S):
                await self.stall.over()
        self._unset()

    @contextmanager
    def or_end(self, *but: type[Exception]) -> Iterator[None]:
        """End the bridge where the journal fails: memory may not say more than the disk.

        But not where it only has to wait, nor for what the caller knows to be harmless (`but`).
        """
        harmless: tuple[type[Exception], ...] = (JournalLaterError, *but)
        try:
            yield
        except harmless:
            raise
        except Exception as error:
            self._fail(error)
            raise

    def _set(self, seconds: float) -> None:
        """Flush in so many seconds, and not before by itself."""
        self._unset()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.now)

    def _unset(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
