"""The administrator's part beside a command that waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from bridge.cli import main as cli
from simulator.authority import Authority

T = TypeVar("T")

# As long as a command may take to its request on a busy machine: a person who has given up
# leaves it waiting, and the test with it.
PATIENCE_S = 240.0
LOOK_S = 0.1  # between two looks: each makes a connection, and one after the other takes a core


class SecondPerson:
    """Decides about enrolments as they come up, and remembers their words."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self.seen: list[dict[str, Any]] = []

    async def ticket(self, **asked: Any) -> str:
        """Make a ticket; return its word."""
        return str((await self.admin("POST", "tickets", asked))["ticket"])

    async def admin(self, method: str, path: str, body: Any = None) -> Any:
        return await asyncio.to_thread(self._authority.admin, method, path, body)

    async def pending(self) -> list[dict[str, Any]]:
        return list((await self.admin("GET", "enrolments"))["enrolments"])

    async def decides(self, word: str = "confirmation") -> dict[str, Any]:
        """Wait for an enrolment and decide about it."""
        async with asyncio.timeout(PATIENCE_S):
            while not (found := await self.pending()):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(LOOK_S)
        [one] = found
        self.seen.append(one)
        return dict(await self.admin("POST", f"enrolments/{one['enrolment_id']}/{word}", {}))

    async def beside(self, work: Callable[[], T], word: str = "confirmation") -> T:
        """Run `work` in a thread while this person decides, if there is anything to decide."""
        decision = asyncio.create_task(self.decides(word))
        try:
            return await asyncio.to_thread(work)
        finally:
            decision.cancel()
            await asyncio.gather(decision, return_exceptions=True)


def command(*arguments: object) -> Callable[[], int]:
    """Return a call of `tillsign`."""
    return lambda: cli.main([str(one) for one in arguments])


class CutError(BaseException):
    """The laptop is killed here."""


class Cuts:
    """Cuts one call after the other: before it is made, or after, when its answer is lost."""

    def __init__(self, at: int, *, after: bool) -> None:
        self._left = at
        self._after = after
        self.done = False
        self._guard = threading.Lock()

    def around(self, call: Callable[..., T]) -> Callable[..., T]:
        def cut(*args: Any, **named: Any) -> T:
            with self._guard:
                hit, self._left = self._left == 0, self._left - 1
            if hit and not self._after:
                self._stop()
            result = call(*args, **named)
            if hit:
                self._stop()
            return result

        return cut

    def around_async(
        self, call: Callable[..., Coroutine[Any, Any, T]]
    ) -> Callable[..., Coroutine[Any, Any, T]]:
        async def cut(*args: Any, **named: Any) -> T:
            hit, self._left = self._left == 0, self._left - 1
            if hit and not self._after:
                self._stop()
            result = await call(*args, **named)
            if hit:
                self._stop()
            return result

        return cut

    def _stop(self) -> None:
        self.done = True
        raise CutError


def words_in(said: str, seen: Sequence[dict[str, Any]]) -> bool:
    """Whether a command showed the words that the second person saw."""
    return all(" ".join(one["words"]) in said for one in seen)
