"""Ask the authority what each receiver should run, and bring it there: one receiver at a time.

By itself only in the window, by command at any time; never during a sale or just after one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from bridge import foreign_code
from bridge.authority.client import RefusedError, UnansweredError
from bridge.authority.update_messages import UpdateOutcome
from bridge.domain.receiver_status import is_in_service
from bridge.observability.logs import Log
from receiver import reasons
from receiver.errors import Error

from .receiver_update import NOT_TRIED, ReceiverUpdate
from .release_cache import ReleaseCache, Source
from .update_memory import Known, Owed, UpdateMemory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bridge.authority.update_messages import Offered
    from bridge.config.update_window import Window
    from bridge.sales.receiver_session import ReceiverSession
    from receiver.protocol.validation import Pins

    from .update_transfer import ProvedRelease, Result

ASK_S = 3600.0  # a release reaches the last receiver of its share within an hour
QUIET_S = 60.0  # after a sale the next buyer may stand there already
ORDERED_QUIET_S = 3.0  # by command a person has looked; only a sale that follows at once is first
AGAIN_S = 60.0  # after a receiver or an authority that could not be reached
LOOK_S = 5.0  # how soon a sale's end is noticed by an update that waits for it

_log = Log(__name__)


class ReleaseAuthority(Source, Protocol):
    """The authority's part; raises UnansweredError and RefusedError."""

    async def wanted(
        self, receiver_id: bytes, version: str, board_class: str | None, release: int | None
    ) -> list[Offered]: ...

    async def report(
        self, release_id: bytes, receiver_id: bytes, outcome: UpdateOutcome, reason: int
    ) -> None: ...


class Plan:
    """What is known and wanted of one receiver."""

    def __init__(self, receiver: ReceiverUpdate) -> None:
        self.receiver = receiver
        self.ask_at = 0.0  # when to ask the authority (monotonic s)
        self.try_at = 0.0  # when an update may begin
        self.wanted: list[Offered] = []


class Ended(NamedTuple):
    """The labels of a counter: how updates ended."""

    till: int
    outcome: str
    reason: str


def _local() -> datetime:
    return datetime.now()


class UpdateService:
    """All updates of one bridge; `run` it as a task. `folder` is beside the journal."""

    def __init__(
        self,
        *,
        sessions: Iterable[ReceiverSession],
        authority: ReleaseAuthority,
        folder: Path,
        pins: Callable[[], Pins],
        window: Window | None,
        local: Callable[[], datetime] = _local,
    ) -> None:
        self.ended: Counter[Ended] = Counter()
        self._authority = authority
        self._window = window
        self._local = local
        self._memory = UpdateMemory(folder / "state.json")
        self._cache = ReleaseCache(folder, authority, pins)
        self._woken = asyncio.Event()
        self._plans = {
            session.place.till: Plan(ReceiverUpdate(session, self._memory, self._woken.set))
            for session in sessions
        }
        self._was_open = False

    def order(self, till: int) -> int:
        """Update this till's receiver as soon as it is quiet; return the attempt that will be it.

        Raises LookupError for another till.
        """
        plan = self._plans[till]
        plan.receiver.ordered, plan.ask_at, plan.try_at = True, 0.0, 0.0
        self._woken.set()
        receiver = plan.receiver
        return receiver.attempts + (0 if receiver.holds() else 1)

    def cancel(self, till: int) -> None:
        """Break an update off, or take the order back; raises LookupError for another till."""
        plan = self._plans[till]
        plan.receiver.ordered = False
        plan.receiver.cancel()

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            self._woken.clear()
            with foreign_code.survived(foreign_code.UPDATES_FILE):
                await self._round()
            try:
                async with asyncio.timeout(self._pause_s()):
                    await self._woken.wait()
            except TimeoutError:
                continue

    # A round.

    async def _round(self) -> None:
        is_open = self._is_open()
        if is_open and not self._was_open:
            for plan in self._plans.values():
                plan.ask_at = 0.0
        self._was_open = is_open
        await self._report()
        for plan in self._plans.values():
            if plan.receiver.session.link.hello is not None and self._clock() >= plan.ask_at:
                await self._ask(plan)
            if plan.wanted and self._may_begin(plan):
                await self._update(plan)
                await self._report()
        wanted = {bytes(one.release_id) for plan in self._plans.values() for one in plan.wanted}
        self._cache.tidy(wanted)

    def _pause_s(self) -> float:
        """Return how long nothing is due; the window's begin interrupts every pause."""
        now = self._clock()
        waits = [ASK_S]
        if self._window:
            waits.append(self._window.opens_in_s(self._local()))
        if self._memory.owed:
            waits.append(AGAIN_S)
        for plan in self._plans.values():
            if plan.receiver.session.link.hello is None:
                continue  # it wakes us
            waits.append(plan.ask_at - now)
            if plan.wanted and (plan.receiver.ordered or self._is_open()):
                waits.append(max(plan.try_at - now, LOOK_S))
        return max(min(waits), 0.0)

    async def _ask(self, plan: Plan) -> None:
        """Ask what a receiver should run."""
        receiver, id_ = plan.receiver, plan.receiver.receiver_id
        hello = receiver.session.link.hello
        if hello is None:
            return
        known = self._memory.known(id_, hello.firmware_hash)
        try:
            offered = await self._authority.wanted(
                id_,
                hello.firmware or "?",
                known.board_class if known else self._memory.board_class(id_),
                known.release if known else None,
            )
        except (UnansweredError, RefusedError) as error:
            _log.info("no answer about updates", till=receiver.till, detail=str(error))
            plan.ask_at = self._clock() + AGAIN_S
            return
        plan.ask_at = self._clock() + ASK_S
        plan.wanted = [
            one
            for one in offered
            if plan.receiver.ordered or not self._memory.is_given_up(id_, bytes(one.release_id))
        ]
        if not plan.wanted:
            plan.receiver.ordered = False  # it runs what it should

    def _may_begin(self, plan: Plan) -> bool:
        """Whether the receiver is there, it is time, and no buyer can be at it."""
        session = plan.receiver.session
        if session.link.hello is None or self._clock() < plan.try_at:
            return False
        if is_in_service(session.link.hello) and self._memory.is_under_way(
            session.place.receiver_id
        ):
            return True  # this bridge, or an earlier run of it, brought it there
        if plan.receiver.ordered:
            return session.quiet_s() >= ORDERED_QUIET_S
        return self._is_open() and session.quiet_s() >= QUIET_S

    async def _update(self, plan: Plan) -> None:
        receiver, id_ = plan.receiver, plan.receiver.receiver_id
        try:
            candidates = await self._candidates(plan)
        except (UnansweredError, RefusedError, OSError) as error:
            _log.info("release not fetched", till=receiver.till, detail=str(error))
            plan.try_at = self._clock() + AGAIN_S
            return
        if not candidates or not self._may_begin(plan):
            return
        self._memory.set_under_way(id_, True)
        result = await receiver.run(candidates)
        self._memory.set_under_way(id_, False)
        self._note(plan, result)

    async def _candidates(self, plan: Plan) -> dict[str, ProvedRelease]:
        """Fetch and prove what is wanted; drop what is false."""
        found: dict[str, ProvedRelease] = {}
        for offered in list(plan.wanted):
            try:
                firmware = await self._cache.get(offered, plan.receiver.receiver_id)
            except Error as error:
                plan.wanted.remove(offered)
                plan.receiver.ordered = False
                plan.receiver.session.refused(error.code, f"release: {error.detail}")
                continue
            found[firmware.manifest.board_class] = firmware
        return found

    def _note(self, plan: Plan, result: Result) -> None:
        """Remember what the receiver is and how it went; decide what comes next."""
        id_ = plan.receiver.receiver_id
        if result.identity:
            said = result.identity
            known = Known(said.board_class, said.release, result.firmware_hash.hex())
            self._memory.learn(id_, known)
        outcome = result.outcome or NOT_TRIED
        self.ended[Ended(plan.receiver.till, outcome, reasons.name(result.reason))] += 1
        if result.outcome and result.firmware:
            release_id = result.firmware.release_id.hex()
            self._memory.owe(Owed(release_id, id_.hex(), result.outcome, result.reason))
        if result.outcome is None and result.reason == reasons.RECEIVER_OFFLINE:
            plan.try_at = self._clock() + AGAIN_S  # the same again, once it is there
        else:
            plan.wanted, plan.receiver.ordered, plan.ask_at = [], False, 0.0
            # Whatever else the authority says: what did not help is not begun again at once.
            is_done = result.outcome is UpdateOutcome.INSTALLED
            plan.try_at = 0.0 if is_done else self._clock() + ASK_S

    async def _report(self) -> None:
        """Report what the authority has not heard yet."""
        for owed in self._memory.owed:
            release_id, receiver_id = (
                bytes.fromhex(owed.release_id),
                bytes.fromhex(owed.receiver_id),
            )
            try:
                await self._authority.report(release_id, receiver_id, owed.outcome, owed.reason)
            except UnansweredError as error:
                _log.info("update not reported", detail=str(error))
                return
            except RefusedError as error:  # the release or the receiver is no longer its own
                _log.warning("update not reported", detail=str(error))
            self._memory.paid(owed)

    def _is_open(self) -> bool:
        return self._window is not None and self._window.is_open(self._local())

    def _clock(self) -> float:
        return asyncio.get_running_loop().time()
