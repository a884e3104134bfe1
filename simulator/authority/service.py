"""The authority as a running HTTPS server over one directory."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from email.utils import formatdate
from functools import partial
from pathlib import Path

from aiohttp import hdrs, web

from simulator.authority.api.client import Administered
from simulator.authority.api.openapi import OPERATIONS
from simulator.authority.api.requests import BODY_MOST, problems
from simulator.authority.ledger.journal_positions import LEASE_S
from simulator.authority.storage.dialects import DatabaseError
from simulator.authority.storage.store import BusyError, Store
from simulator.crypto import pki
from simulator.processes.scope import Scope

from .accounts import demo_data, people, receivers, secret_word
from .context import Office
from .faults import Faults
from .keys import Keys
from .ledger import ledger

BOOKS = "authority.sqlite"
KEYS = "authority-keys.json"
TLS = "tls"

SWEEP_S = 60.0  # how much later than its time something may expire or raise an alarm

_SHUTDOWN_S = 1.0  # for answers under way; transactions are complete in any case

_log = logging.getLogger(__name__)


class Authority(Administered, Scope):
    """An async context manager; `stop` and `start` keep port, keys and books.

    `database` is a URL of PostgreSQL; without one the books are a file in `directory`. `pins` and
    `ca` exist at once, `url` once started, books from `start` to `stop`. After `lease_s` of silence
    another life of a bridge's journal may take over.
    """

    def __init__(
        self,
        directory: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        database: str | None = None,
        admin_token: str | None = None,
        ca: pki.DemoCa | None = None,
        clock: Callable[[], float] = time.time,
        lease_s: int = LEASE_S,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.ca = ca or pki.DemoCa(directory / TLS)
        self.admin_token = admin_token or secret_word.new()
        self.faults = Faults()
        self.refused: Counter[str] = Counter()
        self._books = database or directory / BOOKS
        self._keys = Keys(directory / KEYS)
        self.pins = self._keys.pins()
        self._host = host
        self.port = port
        self._clock = clock
        self._lease_s = lease_s
        self._stopped = asyncio.Event()
        self._office: Office | None = None
        self._serving = AsyncExitStack()  # from start to stop

    @property
    def url(self) -> str:
        return f"https://{self._host}:{self.port}"

    async def open(self) -> None:
        place = self.stack.enter_context(held_port(self._host, self.port))
        self.port = place.getsockname()[1]
        self.stack.push_async_callback(self.stop)
        await self.start()

    async def start(self) -> None:
        """Open the books and listen, at the same port every time."""
        self._stopped.clear()
        store = Store(self._books)
        self._serving.callback(store.close)
        self._office = Office(
            store, self._keys, self.pins, self.ca, self._clock, self._lease_s, self.admin_token
        )
        runner = web.AppRunner(
            self._app(self._office), access_log=None, shutdown_timeout=_SHUTDOWN_S
        )
        self._serving.push_async_callback(runner.cleanup)
        await runner.setup()
        hosts = (*pki.HERE, self._host) if self._host not in pki.HERE else pki.HERE
        context = pki.server_context(self.ca.certificate, self.ca.server("authority", hosts))
        site = web.TCPSite(runner, self._host, self.port, ssl_context=context, reuse_port=True)
        await site.start()
        sweeping = asyncio.create_task(self._sweep(self._office))
        self._serving.push_async_callback(lambda: sweeping)

    async def stop(self) -> None:
        """Cut every connection and close the books."""
        self._stopped.set()
        await self._serving.aclose()
        self._office = None

    def enrol_receiver(
        self,
        public_key: bytes,
        *,
        receiver_id: bytes,
        terms: receivers.Terms,
        client_fingerprint: str,
    ) -> bytes:
        """Issue the receiver's certificate; from now on this TLS client speaks for the receiver."""
        office = self.office
        value = receivers.certificate_for(public_key, receiver_id, terms, office.now())
        return receivers.enrol(office.store, office.keys, value, client_fingerprint)

    def activation(self, buyer: int) -> str:
        """Create an activation for one phone of this buyer."""
        return people.add_activation(self.office.store, buyer)

    def seed_demo(self) -> demo_data.DemoWorld:
        """Create demo buyers and their invoice recipients."""
        return demo_data.seed(self.office.store)

    async def _sweep(self, office: Office) -> None:
        """Expire holds and raise alarms periodically, until stopped."""
        while not self._stopped.is_set():
            try:
                ledger.sweep(office.store, office.now())
            except (BusyError, *DatabaseError):
                _log.exception("the search for old holds failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), SWEEP_S)

    @property
    def office(self) -> Office:
        """Return books and keys, for the simulator's own code; only while started."""
        if self._office is None:
            raise RuntimeError("the authority is stopped")
        return self._office

    def _app(self, office: Office) -> web.Application:
        app = web.Application(
            middlewares=[problems(self.refused), self.faults.middleware(self._stopped)],
            client_max_size=BODY_MOST,
        )
        app.add_routes([one.route(office) for one in OPERATIONS])
        app.on_response_prepare.append(partial(_date, office))
        return app


def held_port(host: str, port: int) -> socket.socket:
    """Reserve a port while this is open, whether the authority is up or not."""
    place = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    place.bind((host, port))
    return place


async def _date(office: Office, _: web.Request, response: web.StreamResponse) -> None:
    """Add the date of the authority's clock, so that bridges can compare theirs."""
    response.headers[hdrs.DATE] = formatdate(office.now(), usegmt=True)
