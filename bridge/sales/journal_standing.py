"""The standing of this bridge's journal: whether it is the newest one (design §5 rule 8).

The authority and the position file have its newest position. A journal that is behind is an older
copy: the bridge reports that, serves nothing, asks the authority about the lost span, and continues
in a new life. Two bridges with one journal are never served at once.
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
from bridge.authority.messages import (
    BridgeId,
    Checked,
    Hash,
    KnownPosition,
    LifeId,
    PositionClaim,
    RunId,
    Verdict,
)
from bridge.domain import alarms
from bridge.journal import ArchiveError, JournalLaterError, lives
from bridge.observability.logs import Log
from receiver.host.backoff import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bridge.authority.messages import StandingAnswer
    from bridge.books.books import Books
    from bridge.journal import Journal, Position

RUN_SIZE = 8  # bytes of the id of one start of the bridge
CALLS_IN_A_LEASE = 3  # of a bridge without other requests
AGAIN_FIRST_MS, AGAIN_MOST_MS = 400, 5_000  # for an authority that is away
END_S = 2.0  # the longest delay of a stop by a slow authority

_log = Log(__name__)


class Phase(StrEnum):
    UNHEARD = "unheard"  # the authority has not reported the journal's standing yet
    CURRENT = "current"
    BEHIND = "behind"  # an older copy, or a new file in its place; the authority does not serve it
    IN_USE = "in_use"  # the authority serves another bridge with it, or this bridge's last run
    RECOVERING = "recovering"  # the authority serves it in a new life: the lost span is asked about


_LACKING = (Phase.BEHIND, Phase.RECOVERING)


class Announce(Protocol):
    """Raises UnansweredError, and RefusedError if the authority stores no positions."""

    async def __call__(self, claim: PositionClaim) -> StandingAnswer: ...


class JournalStanding:
    """The standing of one journal; `run` it as a task."""

    def __init__(
        self,
        *,
        bridge_id: bytes,
        journal: Journal,
        books: Books,
        announce: Announce,
        recover: Callable[[], Awaitable[None]],
        apart: Position | None,
    ) -> None:
        """`apart` is the position file's newest position; `recover` asks about the lost span."""
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
        self.is_vouched = apart is not None  # a source apart from the journal has confirmed it
        if self._is_behind_at_start(apart):
            self._fall_behind(_behind_of(apart, journal.position))

    @property
    def is_whole(self) -> bool:
        """Whether the journal is complete: its history has no break.

        The position file cannot prove that: a restored disk image contains it as well.
        """
        return self.phase is Phase.CURRENT and len(self._journal.lives()) == 1

    @property
    def serves(self) -> bool:
        """Whether the bridge serves; it does so too while the authority is away."""
        return self.phase in (Phase.UNHEARD, Phase.CURRENT)

    async def known(self) -> None:
        """Wait until the journal is current."""
        while self.phase is not Phase.CURRENT:
            await self._changed.wait()

    async def header(self) -> str:
        """Return the newest position, for the header of every request to the authority.

        Raises UnansweredError unless the authority serves this journal.
        """
        await self._served()
        life, sequence, hash_ = self._journal.position
        return messages.position_header(self._bridge_id, life, self._run, sequence, hash_)

    async def _served(self) -> None:
        if self.phase is Phase.UNHEARD:
            self._woken.set()
            await self._stepped.wait()
        if self.phase not in (Phase.RECOVERING, Phase.CURRENT):
            raise UnansweredError(self.detail or "the authority has not confirmed the journal yet")

    def suspect(self, detail: str) -> None:
        """Stop serving until the authority answers: a witness has seen more than the journal."""
        if self.serves:
            self._fall_behind(detail)
            self._woken.set()

    def wake(self) -> None:
        """Ask the authority again at once: it refused a request for the journal's standing."""
        self._woken.set()

    async def run(self) -> None:
        """Report the journal's position to the authority, and recover what the journal lacks."""
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
        """Report the bridge's stop: another may replace it at once, otherwise after the lease."""
        if self.phase is not Phase.CURRENT:
            return
        with suppress(TimeoutError, UnansweredError, RefusedError):
            async with asyncio.timeout(END_S):
                await self._announce(self._claim(ended=True))

    async def _step(self) -> float:
        """Report the position and act on the answer; return the seconds until the next report."""
        try:
            seconds = await self._say()
        except (UnansweredError, RefusedError, JournalLaterError) as error:
            _log.info("standing unknown", detail=str(error))
            return self._backoff.next() / 1000
        self._backoff.reset()
        return seconds

    async def _say(self, checked: KnownPosition | None = None) -> float:
        here = self._journal.position
        answer = await self._announce(self._claim(checked))
        newest = answer.newest
        match answer.standing:
            case Verdict.CURRENT:
                return await self._is_current(answer)
            case Verdict.BEHIND if newest and not checked and self._extends(newest):
                return await self._say(checked=newest)
            case Verdict.IN_USE | Verdict.FORK if answer.retry_after_s:
                self._wait(f"another bridge with this journal runs: {answer.standing}")
                return answer.retry_after_s
            case _:
                self._fall_behind(_behind_of(newest, here))
                self._begin_life(lives.BEHIND)
                return 0.0

    async def _is_current(self, answer: StandingAnswer) -> float:
        """Handle a served journal: recover what it lacks first, in a life of its own."""
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

    def _extends(self, newest: Position | KnownPosition) -> bool:
        """Whether the journal contains the position that is known elsewhere."""
        if newest.life not in {life.life for life in self._journal.lives()}:
            return False
        try:
            return self._journal.hash_at(newest.sequence) == newest.hash
        except ArchiveError:  # logged at opening, and no proof against the journal
            return newest.sequence <= self._journal.position.sequence

    def _begin_life(self, cause: str) -> None:
        """Begin a life when the journal falls behind, and another once it is recovered."""
        if cause == lives.RECOVERED or self._journal.lives()[-1].cause not in lives.TO_RECOVER:
            self._journal.begin_life(_now(), cause)

    def _claim(self, checked: KnownPosition | None = None, *, ended: bool = False) -> PositionClaim:
        life, sequence, hash_ = self._journal.position
        previous = self._journal.lives()[-1].previous
        return PositionClaim(
            bridge_id=BridgeId(self._bridge_id),
            life=LifeId(life),
            run=RunId(self._run),
            sequence=sequence,
            hash=Hash(hash_),
            previous=LifeId(previous) if previous else None,
            ended=ended,
            checked=Checked(checked.sequence, checked.hash) if checked else None,
        )

    def _fall_behind(self, detail: str) -> None:
        if self.phase not in _LACKING:
            _log.error("the journal is behind", detail=detail)
            self._set(Phase.BEHIND, detail)

    def _mark(self) -> None:
        """Raise an alarm for a person, whatever the recovery finds."""
        life = self._journal.lives()[-1]
        self._books.raise_alarm(alarms.journal_behind(life.life, _now(), self.detail))

    def _wait(self, detail: str) -> None:
        """Wait until a person stops one of two bridges; a stopped one's lease ends by itself."""
        if self._waits_for != detail:
            _log.error("the journal is in use", detail=detail)
        self._waits_for = detail
        if self.phase not in _LACKING:  # else the detail shows what the journal lacks
            self._set(Phase.IN_USE, detail)

    def _set(self, phase: Phase, detail: str) -> None:
        self.phase, self.detail = phase, detail
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _behind_of(known: Position | KnownPosition | None, here: Position) -> str:
    if known is None or known.sequence <= here.sequence:  # the position file lags, or is as old
        return "it was put back from an older copy"
    return f"it ends with entry {here.sequence}; entry {known.sequence} was written before"


def _now() -> int:
    return time.time_ns() // 1_000_000
