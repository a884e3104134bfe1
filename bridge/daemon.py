"""The composition root: journal, authority, stations and till API, put together and taken apart."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from . import kept_limits, lines, papers, ports_by_serial, unlocking
from .events import Hub
from .journal import JournalLaterError
from .kept_limits import KeptLimits
from .logs import Log
from .metrics import Metrics
from .service import Service, StationConfig
from .till import door
from .till.app import application
from .till.guard import Guard
from .till.rates import Rates
from .watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from receiver.checks import Pins

    from .config import Config, ReceiverConfig
    from .journal import Journal
    from .ports_by_serial import Present
    from .serial_port import Opener

_log = Log(__name__)


class Daemon:
    """A whole bridge; an async context manager. `till_url` and `service` are there inside it."""

    def __init__(
        self,
        config: Config,
        opener: Callable[[str], Opener] = lines.opener,
        ports: Callable[[], Iterable[Present]] = ports_by_serial.present,
    ) -> None:
        """`opener` by URL; `ports` lists what is plugged in."""
        self._config = config
        self._opener = opener
        self._ports = ports
        self._stack = AsyncExitStack()
        self.till_url = ""

    async def __aenter__(self) -> Self:
        """Raises ConfigError or JournalError where it cannot start."""
        async with AsyncExitStack() as stack:
            self.service = await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def wait(self) -> None:
        """Until something fails that a bridge cannot do without; raises an exception group."""
        await asyncio.shield(self._work)

    async def _start(self, stack: AsyncExitStack) -> Service:
        config = self._config
        trusted = papers.authority_keys(config.pins)
        stations = [self._station(trusted, receiver) for receiver in config.receivers]
        client = await stack.enter_async_context(papers.client(config.authority))
        if not config.journal.exists():
            kept_limits.forget(config.journal)
        journal = await unlocking.opened(config.journal)
        stack.callback(_let_go, journal)
        hub = Hub()
        service = Service(config.id, journal, hub, client, stations, offline=config.offline)
        stack.push_async_callback(service.books.close)
        self._work = asyncio.create_task(service.run())
        stack.push_async_callback(_stop, self._work)
        guard = self.guard = Guard(papers.speakers(config.listen), Rates(), lambda: service.healthy)
        watch = Watch(service, client.breaker, client.clock, guard, config.journal)
        metrics = self.metrics = Metrics(service.stations, watch)
        hub.listen(metrics.hear)
        app = application(service, guard, metrics, client.clock)
        self.till_url = await door.serve(stack, app, config.listen, guard)
        return service

    def _station(self, trusted: Pins, receiver: ReceiverConfig) -> StationConfig:
        evidence = papers.evidence(trusted, receiver.certificate)
        limits = KeptLimits(self._config.journal, evidence.holder.receiver_id)
        opener = self._opener_for(receiver)
        return StationConfig(receiver.till, receiver.line, evidence, opener, limits)

    def _opener_for(self, receiver: ReceiverConfig) -> Opener:
        if receiver.url:
            return self._opener(receiver.url)
        return ports_by_serial.opener(receiver.serial, self._ports, self._opener)


def _let_go(journal: Journal) -> None:
    """What could not be written was told to none: the next start goes on without it."""
    try:
        journal.close()
    except JournalLaterError as error:
        _log.error("the last facts are not in the journal", detail=str(error))


async def _stop(work: asyncio.Task[None]) -> None:
    """Cancel; raises what `work` failed with, so that no failure is lost."""
    work.cancel()
    await asyncio.wait((work,))
    if not work.cancelled() and (error := work.exception()):
        raise error
