"""How this bridge's journal stands beside what is known of it elsewhere (design §5 rule 8).

The authority and a file apart from the journal know its newest position. A journal that is behind
is an older copy: the bridge says so, serves nothing, asks the authority about the span that is
lost, and goes on in a new life. Two bridges with one journal are never served at once.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from bridge.authority import messages
from bridge.authority.client import RefusedError, UnansweredError
from bridge.authority.journal_positions import Claim, Verdict
from bridge.domain import alarms
from bridge.journal import ArchiveError, JournalLaterError, lives
from bridge.observability.logs import Log
from receiver.host.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.authority.journal_positions import Answer
    from bridge.books.books import Books
    from bridge.journal import Journal, Position

RUN_SIZE = 8  # bytes that name one start of the bridge
CALLS_IN_A_LEASE = 3  # of a bridge that has nothing else to say
AGAIN_FIRST_MS, AGAIN_MOST_MS = 400, 5_000  # an authority that is away
END_S = 2.0  # of a stop, for an authority that is slow

_log = Log(__name__)


class Phase(StrEnum):
    UNHEARD = "unheard"  # the authority has not said yet how the journal stands
    CURRENT = "current"
    BEHIND = "behind"  # an older copy, or a new file in its place; the authority does not serve it
    IN_USE = "in_use"  # the authority serves another bridge with it, or its last run just now
    RECOVERING = "recovering"  # it does, in a new life: the lost span is asked about


_LACKING = (Phase.BEHIND, Phase.RECOVERING)


class Announce(Protocol):
    """Raises UnansweredError, and RefusedError where the authority keeps no positions."""

    async def __call__(self, claim: Claim) -> Answer: ...


class JournalStanding:
    """One journal's; `run` as a task."""

    def __init__(
        self,
        bridge_id: bytes,
        journal: Journal,
        books: Books,
        announce: Announce,
        recover: Callable[[], Awaitable[None]],
        apart: Position | None,
    ) -> None:
        """`apart`: the newest position in the file apart; `recover` asks about the lost span."""
        self.phase = Phase.UNHEARD
        self.detail = ""  # for people
        self._waits_for = ""
        self._bridge_id = bridge_id
        self._run = os.urandom(RUN_SIZE)
        self._journal = journal
        self._books = books
        self._announce = announce
        self._recover = recover
        self._backoff = Backoff(AGAIN_FIRST_MS, AGAIN_MOST_MS, random.random)
        self._changed = asyncio.Event()
        self._woken = asyncio.Event()
        self._stepped = asyncio.Event()
        self.is_vouched = apart is not None  # something apart from the journal has spoken for it
        if self._is_behind_at_start(apart):
            self._fall_behind(_behind_of(apart, journal.position))

    @property
    def is_whole(self) -> bool:
        """Whether what is not in the journal never was: its history has no break.

        The file apart cannot say that: a disk image that is put back takes it along.
        """
        return self.phase is Phase.CURRENT and len(self._journal.lives()) == 1

    @property
    def serves(self) -> bool:
        """While the authority is away nothing speaks against it."""
        return self.phase in (Phase.UNHEARD, Phase.CURRENT)

    async def known(self) -> None:
        """Until the journal is current."""
        while self.phase is not Phase.CURRENT:
            await self._changed.wait()

    def header(self) -> str:
        """The newest position, as every call to the authority bears it."""
        life, sequence, hash_ = self._journal.position
        return messages.position_header(self._bridge_id, life, self._run, sequence, hash_)

    async def admitted(self) -> None:
        """Raise UnansweredError unless the authority serves this journal."""
        if self.phase is Phase.UNHEARD:
            self._woken.set()
            await self._stepped.wait()
        if self.phase not in (Phase.RECOVERING, Phase.CURRENT):
            raise UnansweredError(
                self.detail or "the authority has not said how the journal stands"
            )

    def suspect(self, detail: str) -> None:
        """A witness says that the journal lacks its end: nothing is served before that is known."""
        if self.serves:
            self._fall_behind(detail)
            self._woken.set()

    def wake(self) -> None:
        """The authority has refused a call for the journal's standing: ask it again, now."""
        self._woken.set()

    async def run(self) -> None:
        """Keep the authority knowing where the journal is, and recover what it lacks."""
        while True:
            seconds = await self._step()
            stepped, self._stepped = self._stepped, asyncio.Event()
            stepped.set()
            self._woken.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def end(self) -> None:
        """The bridge stops: another may take its place at once, or else after the lease."""
        if self.phase is not Phase.CURRENT:
            return
        with suppress(TimeoutError, UnansweredError, RefusedError):
            async with asyncio.timeout(END_S):
                await self._announce(self._claim()._replace(ended=True))

    async def _step(self) -> float:
        """Say where the journal is and do what follows; seconds until it is said again."""
        try:
            seconds = await self._say()
        except (UnansweredError, RefusedError, JournalLaterError) as error:
            _log.info("standing unknown", detail=str(error))
            return self._backoff.next() / 1000
        self._backoff.reset()
        return seconds

    async def _say(self, checked: Position | None = None) -> float:
        claim = self._claim()._replace(checked=checked)
        answer = await self._announce(claim)
        newest = answer.newest
        match answer.verdict:
            case Verdict.CURRENT:
                return await self._is_current(answer)
            case Verdict.BEHIND if newest and not checked and self._extends(newest):
                return await self._say(checked=newest)
            case Verdict.IN_USE | Verdict.FORK if answer.retry_after_s:
                self._wait(f"another bridge with this journal runs: {answer.verdict}")
                return answer.retry_after_s
            case _:
                self._fall_behind(_behind_of(newest, claim.position))
                self._begin_life(lives.BEHIND)
                return 0.0

    async def _is_current(self, answer: Answer) -> float:
        """The authority serves it: recover what it lacks first, in a life of its own."""
        cause = self._journal.lives()[-1].cause
        if cause == lives.NEW and answer.follows:
            self._fall_behind("a new journal in the place of one that was lost")
        if cause in lives.TO_RECOVER:
            self._set(Phase.RECOVERING, self.detail)
            self._mark()
            await self._recover()
            self._begin_life(lives.RECOVERED)
            _log.warning("the journal is recovered", detail=self.detail)
            return 0.0
        if answer.newest and not self._extends(answer.newest):
            self._fall_behind(_behind_of(answer.newest, self._journal.position))
        if self.phase is Phase.BEHIND:
            self._begin_life(lives.BEHIND)
            return 0.0
        self.is_vouched, self._waits_for = True, ""
        self._set(Phase.CURRENT, "")
        return answer.lease_s / CALLS_IN_A_LEASE

    def _is_behind_at_start(self, apart: Position | None) -> bool:
        cause = self._journal.lives()[-1].cause
        return cause in lives.TO_RECOVER or (apart is not None and not self._extends(apart))

    def _extends(self, newest: Position) -> bool:
        """Whether what was known of the journal is in it."""
        if newest.life not in {life.life for life in self._journal.lives()}:
            return False
        try:
            return self._journal.hash_at(newest.sequence) == newest.hash
        except ArchiveError:  # which opening has told of: nothing speaks against it
            return newest.sequence <= self._journal.position.sequence

    def _begin_life(self, cause: str) -> None:
        """One life for each time that the journal is behind, and one once that is recovered."""
        if cause == lives.RECOVERED or self._journal.lives()[-1].cause not in lives.TO_RECOVER:
            self._journal.begin_life(_now(), cause)

    def _claim(self) -> Claim:
        previous = self._journal.lives()[-1].previous
        return Claim(self._bridge_id, self._run, self._journal.position, previous)

    def _fall_behind(self, detail: str) -> None:
        if self.phase not in _LACKING:
            _log.error("the journal is behind", detail=detail)
            self._set(Phase.BEHIND, detail)

    def _mark(self) -> None:
        """A person is to know, whatever the recovery finds."""
        life = self._journal.lives()[-1]
        self._books.raise_alarm(alarms.journal_behind(life.life, _now(), self.detail))

    def _wait(self, detail: str) -> None:
        """A person must stop one of the two; the lease of one that is gone ends by itself."""
        if self._waits_for != detail:
            _log.error("the journal is in use", detail=detail)
        self._waits_for = detail
        if self.phase not in _LACKING:  # then what it lacks is what a person is to read
            self._set(Phase.IN_USE, detail)

    def _set(self, phase: Phase, detail: str) -> None:
        self.phase, self.detail = phase, detail
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _behind_of(known: Position | None, here: Position) -> str:
    if known is None or known.sequence <= here.sequence:  # the file apart lags, or is as old
        return "it was put back from an older copy"
    return f"it ends with entry {here.sequence}; entry {known.sequence} was written before"


def _now() -> int:
    return time.time_ns() // 1_000_000
