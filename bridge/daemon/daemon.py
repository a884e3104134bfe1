"""The composition root: journal, authority, receivers and till API, put together."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from bridge.authority import cached_limits
from bridge.authority.cached_limits import KeptLimits
from bridge.authority.update_client import UpdateClient
from bridge.books.event_bus import EventBus
from bridge.domain.receipts import Receipts
from bridge.journal import JournalError, JournalLaterError, position_file
from bridge.lines import opening, usb_lookup
from bridge.observability.logs import Log
from bridge.observability.metrics import Metrics
from bridge.sales.receiver_session import ReceiverSetup
from bridge.sales.sale_service import Service
from bridge.till.rest.app import application
from bridge.till.server import listener
from bridge.till.server.access import Guard
from bridge.till.server.rate_limits import Rates
from bridge.updates.update_service import UpdateService
from receiver.crypto import host
from receiver.host.name_map import NameMaps

from . import journal_unlocking, key_files
from .certificate_reload import Renewal
from .certificate_renewal import Renewing
from .metric_sources import Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bridge.authority.client import AuthorityClient
    from bridge.config.configuration import Config, ReceiverConfig
    from bridge.journal import Journal
    from bridge.lines.serial_port import Opener
    from bridge.lines.usb_lookup import Present
    from receiver.protocol.validation import Pins

_log = Log(__name__)


class Daemon:
    """A whole bridge; an async context manager. `till_url` and `service` exist inside it."""

    def __init__(
        self,
        config: Config,
        opener: Callable[[str], Opener] = opening.opener,
        ports: Callable[[], Iterable[Present]] = usb_lookup.present,
    ) -> None:
        """Set up; `opener` opens a port by URL, `ports` lists what is plugged in."""
        self._config = config
        self._opener = opener
        self._ports = ports
        self._names = NameMaps(config.firmware_names)
        self._stack = AsyncExitStack()
        self._renewal: Renewal | None = None
        self.till_url = ""

    async def __aenter__(self) -> Self:
        """Start; raises ConfigError or JournalError."""
        async with AsyncExitStack() as stack:
            self.service = await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def wait(self) -> None:
        """Wait until an indispensable part fails; raises an exception group."""
        await asyncio.shield(self._work)

    def renew(self) -> None:
        """Reload certificates, keys, pins and token; a starting bridge reads them anyway."""
        if self._renewal:
            self._renewal.now()

    async def _start(self, stack: AsyncExitStack) -> Service:
        config = self._config
        trusted = key_files.authority_keys(config.pins)
        receivers = [self._setup(trusted, receiver) for receiver in config.receivers]
        client = await stack.enter_async_context(key_files.client(config.authority))
        if not config.journal.exists():
            cached_limits.forget(config.journal)
        journal = await journal_unlocking.opened(config.journal)
        stack.callback(_let_go, journal)
        for doubt in journal.doubts:
            _log.warning("archive in doubt", detail=doubt)
        client.clock.know_entry(journal.newest_at())
        bus, receipts = EventBus(), Receipts(host, trusted)
        service = Service(
            bridge_id=config.id,
            journal=journal,
            bus=bus,
            authority=client,
            receivers=receivers,
            prove=receipts.prove,
            offline=config.offline,
            clock=client.clock,
            apart=position_file.read(config.position_file),
        )
        if not service.standing.serves:
            cached_limits.forget(config.journal)
        client.journal = service.standing
        stack.push_async_callback(service.books.close)
        guard = self.guard = Guard(
            key_files.speakers(config.listen), Rates(), lambda: service.healthy
        )
        front = listener.Front(config.listen.tls) if config.listen.tls else None
        renewal = self._renewal = self._renewals(service, client, receipts, guard, front)
        await renewal.look(anew=True)
        stack.push_async_callback(service.standing.end)
        self._work = asyncio.create_task(service.run())
        stack.push_async_callback(_stop, self._work)
        keeping = asyncio.create_task(_keep_position(service, journal, config.position_file))
        stack.push_async_callback(_stop, keeping)
        updates = service.updates = self._updates(service, client, receipts)
        updating = asyncio.create_task(updates.run())
        stack.push_async_callback(_stop, updating)
        watch = Watch(
            service=service,
            updates=updates,
            breaker=client.breaker,
            clock=client.clock,
            guard=guard,
            journal=config.journal,
            endings=renewal.endings,
        )
        metrics = self.metrics = Metrics(service.sessions, watch.look)
        bus.listen(metrics.hear)
        app = application(service, guard, metrics, client.clock, renewal.warnings)
        self.till_url = await listener.serve(stack, app, config.listen, guard, front)
        looking = asyncio.create_task(renewal.run())
        stack.push_async_callback(_stop, looking)
        self.renewing = Renewing(config, client)
        fetching = asyncio.create_task(self.renewing.run())
        stack.push_async_callback(_stop, fetching)
        return service

    def _updates(
        self, service: Service, client: AuthorityClient, receipts: Receipts
    ) -> UpdateService:
        config = self._config
        return UpdateService(
            sessions=service.sessions.values(),
            authority=UpdateClient(client),
            folder=config.updates,
            pins=lambda: receipts.pins,
            window=config.update_window,
        )

    def _renewals(
        self,
        service: Service,
        client: AuthorityClient,
        receipts: Receipts,
        guard: Guard,
        front: listener.Front | None,
    ) -> Renewal:
        """Return all files that are reloaded while the bridge runs."""
        config = self._config
        receivers = [
            key_files.of_receiver(config, row, service.sessions[row.till])
            for row in config.receivers
        ]
        own = key_files.of_authority(config.authority, client)
        till_api = key_files.of_till_api(config.listen, guard, front)
        keys = key_files.of_pins(config.pins, receipts)
        return Renewal([own, keys, *till_api, *receivers], client.clock)

    def _setup(self, trusted: Pins, receiver: ReceiverConfig) -> ReceiverSetup:
        evidence = key_files.evidence(trusted, receiver.certificate)
        limits = KeptLimits(self._config.journal, evidence.holder.receiver_id)
        opener = self._opener_for(receiver)
        return ReceiverSetup(receiver.till, receiver.line, evidence, opener, limits, self._names)

    def _opener_for(self, receiver: ReceiverConfig) -> Opener:
        if receiver.url:
            return self._opener(receiver.url)
        return usb_lookup.opener(receiver.serial, self._ports, self._opener)


async def _keep_position(service: Service, journal: Journal, path: Path) -> None:
    """Write the position until the journal's files are moved: then the bridge ends."""
    try:
        if not service.standing.serves:  # the position in the file is still to be compared
            await service.standing.known()
        try:
            await position_file.keep(journal, path)
        finally:
            position_file.last(journal, path)
    except JournalError as error:
        service.fail(error)


def _let_go(journal: Journal) -> None:
    """Close the journal. Unwritten facts were never reported: the next start does without them."""
    try:
        journal.close()
    except JournalLaterError as error:
        _log.error("the last facts are not in the journal", detail=str(error))


async def _stop(work: asyncio.Task[None]) -> None:
    """Cancel; raise the error of `work`, so that no failure is lost."""
    work.cancel()
    await asyncio.wait((work,))
    if not work.cancelled() and (error := work.exception()):
        raise error
