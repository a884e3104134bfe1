"""Blocking calls of one port, in a thread of its own: a call that hangs delays no other port.

The event loop's own pool has a few threads for all: eight ports that hang in it would stop the
look-up of the authority's name, and the process could not end before they return.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


class OwnThread:
    """Makes one call at a time; a call that hangs is abandoned, and until it ends others fail."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._is_free: Callable[[], bool] = lambda: True

    async def call(
        self, work: Callable[[], _T], seconds: float, undo: Callable[[_T], object] | None = None
    ) -> _T:
        """Return the result of `work`; TimeoutError after `seconds`, or while the last call hangs.

        `undo` gets a result that comes too late.
        """
        if not self._is_free():
            raise TimeoutError(f"{self._name} hangs")
        future: Future[_T] = Future()
        future.set_running_or_notify_cancel()
        answer = asyncio.wrap_future(future)
        start(self._name, _into(future, work))
        self._is_free = future.done
        taken = False
        try:
            await asyncio.wait((answer,), timeout=seconds)
            if not answer.done():
                raise TimeoutError(f"{self._name} hangs")
            taken = True
            return answer.result()
        finally:
            if not taken:
                answer.cancel()
                if undo is not None:
                    future.add_done_callback(_undoing(self._name, undo))


def start(name: str, work: Callable[[], object]) -> threading.Thread:
    """Run `work` in a thread that the end of the process does not wait for."""
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def _into(future: Future[_T], work: Callable[[], _T]) -> Callable[[], None]:
    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            future.set_exception(error)
        else:
            future.set_result(result)

    return run


def _undoing(name: str, undo: Callable[[_T], object]) -> Callable[[Future[_T]], None]:
    """Return a callback for the event loop that runs `undo` in a thread, as it may block."""

    def undo_late(future: Future[_T]) -> None:
        if future.exception() is None:
            result = future.result()
            start(name, lambda: undo(result))

    return undo_late
