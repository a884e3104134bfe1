"""The cashier's terminal: one life of the bridge after the other, and the till's way to it."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.authority.client import RefusedError, UnansweredError
from bridge.books.event_bus import EventBus
from bridge.daemon import journal_unlocking
from bridge.domain import receipts
from bridge.domain.verification import Evidence
from bridge.journal import JournalError, JournalLaterError
from bridge.sales.receiver_session import ReceiverSetup
from bridge.sales.sale_service import Service
from bridge.till.server.problems import ProblemError
from receiver.crypto import host
from simulator.virtual.scratch import scratch
from tests.crash.copies import Copies, File
from tests.crash.life import Crash, Jam, Life
from tests.crash.lives_loop import LivesLoop
from tests.crash.office import Line, Office
from tests.crash.template import BRIDGE_ID, NOW, template
from tests.crash.till import AwayError
from tests.crash.watcher import Watcher

if TYPE_CHECKING:
    from tests.crash.counter import Counter
    from tests.crash.till import View

TRIP_S = 0.001  # till and bridge are on one machine
RESTART_S = 0.3
DRAIN_S = 1.0

Work = Callable[[Service], "Awaitable[View]"]


class Machine:
    """`ends`: at which point each life ends; `full_at`: which commit of the first has no room."""

    office: Office
    counters: Mapping[int, Counter]

    def __init__(
        self,
        ends: Iterable[int],
        full_at: int,
        back: Mapping[int, int],
        file: File,
        *,
        offline: bool,
        watched: bool,
    ) -> None:
        self.loop = LivesLoop()
        self.loop.set_exception_handler(self._strange)
        self.context = copy_context()
        self.folder = Path(tempfile.mkdtemp(dir=scratch(), prefix="world-"))
        self.lives: list[Life] = []
        self.failures: list[str] = []
        self.skew_s = 0.0  # of the bridge's clock
        self.trip_s = TRIP_S
        self.watcher = Watcher(self) if watched else None
        self.jam = Jam()
        self.copies = Copies(self.folder, back, file)
        self.away_s = 0.0  # for so long the authority is away after a copy was put back
        self._offline = offline
        self._ends = iter(ends)
        self._full_at = full_at
        self._asked: set[asyncio.Future[View]] = set()
        self._numbers = itertools.count()

    @property
    def life(self) -> Life:
        return self.lives[-1]

    @property
    def service(self) -> Service:
        """The bridge that runs now; only where `is_up`."""
        if self.life.service is None:
            raise RuntimeError("the bridge has not begun")
        return self.life.service

    @property
    def is_up(self) -> bool:
        """As it is seen from the till: a bridge that has failed answers nobody."""
        life = self.lives[-1] if self.lives else None
        if not life or life.dead or not life.service:
            return False
        return life.service.healthy and life.service.serves

    # Seconds since 1970.

    def true_time(self) -> float:
        """By the authority's and the receivers' clocks."""
        return NOW + self.loop.now

    def bridge_time(self) -> float:
        return self.true_time() + self.skew_s

    # Lives.

    def start(self) -> None:
        """A new life, from the files that the last one left."""
        number = next(self._numbers)
        folder = self.folder / f"life{number}"
        if number:
            grave = self.folder / f"life{number - 1}-grave"
            self._put_back(grave)  # once what was on its way has arrived
            grave.rename(folder)
        life = Life(folder, next(self._ends, None), self._buried, self.jam, self.copies.committed)
        life.full_at, self._full_at = self._full_at, 0
        self.lives.append(life)
        self.loop.call_soon(self._begin, life, context=life.context.copy())

    def _begin(self, life: Life) -> None:
        try:
            journal = life.open_journal()
        except JournalLaterError:
            again = life.context.copy()
            self.loop.call_later(journal_unlocking.AGAIN_S, self._begin, life, context=again)
            return
        except JournalError as error:
            self._gave_up(life, error)
            return
        made = template()
        stations = [
            ReceiverSetup(till, "memory://", Evidence(host, made.keys.pins(), one.certificate), one)
            for till, one in self.counters.items()
        ]
        line = Line(self, life)
        prove = receipts.Receipts(host, made.keys.pins()).prove
        life.service = Service(
            bridge_id=BRIDGE_ID,
            journal=journal,
            bus=EventBus(),
            authority=line,
            receivers=stations,
            prove=prove,
            offline=self._offline,
            apart=self.copies.filed(journal),
        )
        running = self.loop.create_task(life.service.run())
        running.add_done_callback(partial(self._ended, life), context=self.context)
        life.keep(running)
        if self.watcher is not None:
            life.keep(self.loop.create_task(self.watcher.follow(life.service)))

    def _ended(self, life: Life, running: asyncio.Task[None]) -> None:
        if not life.dead:
            self._gave_up(life, running)

    async def stop(self) -> None:
        """End the bridge as SIGTERM does: the authority and the disk hear of all of it."""
        life = self.life
        ending = self.loop.create_task(_end(self.service), context=life.context.copy())
        life.keep(ending)
        await ending
        life.die()

    def _gave_up(self, life: Life, why: object) -> None:
        self.failures.append(f"the bridge gave up: {why!r}")
        life.die()

    def _buried(self) -> None:
        for answer in self._asked:
            if not answer.done():
                answer.set_exception(AwayError())
        self.loop.call_later(RESTART_S, self.start, context=self.context)

    def _put_back(self, grave: Path) -> None:
        """An older copy, if this is the end that one follows."""
        life, service = self.life, self.life.service
        if service and life.journal and service.standing.serves:
            self.copies.note(life.journal)
        seen = [one.cursor for one in self.watcher.seen] if self.watcher else []
        if self.copies.put_back(len(self.lives), grave, self.office, seen) and self.away_s:
            self.office.away = True
            self.loop.call_later(self.away_s, self._come_back, context=self.context)

    def _come_back(self) -> None:
        self.office.away = False

    def _strange(self, _: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, Crash):
            self.failures.append(f"{context['message']}: {error!r}")

    # The till's way to it.

    async def ask(self, work: Work) -> View:
        """What the bridge answers; raises AwayError where none comes."""
        await asyncio.sleep(self.trip_s)
        if not self.is_up:
            raise AwayError
        answer: asyncio.Future[View] = self.loop.create_future()
        self._asked.add(answer)
        life = self.life
        context = life.context.copy()
        life.keep(self.loop.create_task(self._serve(life, work, answer), context=context))
        try:
            return await answer
        finally:
            self._asked.discard(answer)

    async def _serve(
        self,
        life: Life,
        work: Work,
        answer: asyncio.Future[View],
    ) -> None:
        result: View | Exception
        try:
            result = await work(self.service)
        except (JournalError, ProblemError, UnansweredError, RefusedError):
            result = AwayError()  # status 500 or 503
        except Exception as error:
            result = error
        if not life.dead:  # what is written arrives, even if the bridge ends meanwhile
            self._asked.discard(answer)
            self.loop.call_later(self.trip_s, _answer, answer, result, context=self.context)


async def _end(service: Service) -> None:
    await service.drain(DRAIN_S)
    await service.standing.end()
    await service.books.close()


def _answer(answer: asyncio.Future[View], result: View | Exception) -> None:
    if answer.done():
        return
    if isinstance(result, Exception):
        answer.set_exception(result)
    else:
        answer.set_result(result)
