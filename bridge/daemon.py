"""The composition root: journal, authority, stations and till API, put together and taken apart."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self, TypeVar

from receiver import pins
from receiver.crypto import host
from receiver.errors import Error

from . import ports_by_serial, serial_port
from .authority import AuthorityClient
from .config import Config, ConfigError
from .events import Hub
from .journal import Journal
from .metrics import Metrics
from .money.evidence import Evidence
from .private_files import read_token, require_private
from .service import Service, StationConfig
from .till import door
from .till.app import application
from .till.guard import Guard, Speakers
from .till.rates import Rates
from .watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from .config import Listen, ReceiverConfig
    from .ports_by_serial import Present
    from .serial_port import Opener


_T = TypeVar("_T")


class Daemon:
    """A whole bridge; an async context manager. `till_url` and `service` are there inside it."""

    def __init__(
        self,
        config: Config,
        opener: Callable[[str], Opener] = serial_port.opener,
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
        stations = [self._station(receiver) for receiver in config.receivers]
        journal = Journal(config.journal)
        stack.callback(journal.close)
        client = await stack.enter_async_context(_client(config))
        hub = Hub()
        service = Service(config.id, journal, hub, client, stations, offline=config.offline)
        stack.callback(service.books.close)
        self._work = asyncio.create_task(service.run())
        stack.push_async_callback(_stop, self._work)
        guard = self.guard = Guard(_speakers(config.listen), Rates(), lambda: service.healthy)
        watch = Watch(service, client.breaker, guard, config.journal)
        metrics = self.metrics = Metrics(service.stations, watch)
        hub.listen(metrics.hear)
        app = application(service, guard, metrics)
        self.till_url = await door.serve(stack, app, config.listen, guard)
        return service

    def _station(self, receiver: ReceiverConfig) -> StationConfig:
        trusted = _decoded(self._config.pins, pins.decode)
        evidence = _decoded(receiver.certificate, lambda data: Evidence(host, trusted, data))
        return StationConfig(receiver.till, receiver.line, evidence, self._opener_for(receiver))

    def _opener_for(self, receiver: ReceiverConfig) -> Opener:
        if receiver.url:
            return self._opener(receiver.url)
        return ports_by_serial.opener(receiver.serial, self._ports, self._opener)


def _speakers(listen: Listen) -> Speakers:
    return Speakers(listen.hosts, read_token(listen.token) if listen.token else "")


def _client(config: Config) -> AuthorityClient:
    require_private(config.authority.key)
    try:
        return AuthorityClient(config.authority)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"[authority] ca, certificate or key: {error}") from error


def _decoded(path: Path, decode: Callable[[bytes], _T]) -> _T:
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except Error as error:
        raise ConfigError(f"{path}: {error.detail}") from error


async def _stop(work: asyncio.Task[None]) -> None:
    """Cancel; raises what `work` failed with, so that no failure is lost."""
    work.cancel()
    await asyncio.wait((work,))
    if not work.cancelled() and (error := work.exception()):
        raise error
