"""The listener of the till API: TLS, a bound on connections, and an end for stuck ones."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bridge.config.configuration import ConfigError
from bridge.config.private_files import require_private

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from bridge.config.configuration import Listen, Tls

    from .access import Guard

# Two for each of 200 tills, watchers, and a rest; systems allow 1,024 open files as a rule.
CONNECTIONS_MOST = 640
KEEP_ALIVE_S = 30.0  # until a whole request has come, and between two
HANDSHAKE_S = 10.0  # a TLS handshake takes milliseconds on a local network
LINGER_S = 2.0  # for the rest of a body that was refused
LOOK_S = 1.0  # between two checks of all connections
STUCK_LOOKS = 10  # a client that reads nothing of its answer for so many checks is cut off
LINE_MOST = 2048  # bytes of the request line; the longest valid one has some 120
FIELD_MOST = 4096  # bytes of a header field
FIELDS_MOST = 64  # header fields of a request; usual clients send some ten
SHUTDOWN_S = 1.0  # for answers under way; waiting tills ask again

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class Front:
    """The certificate shown to tills; another may replace it for new connections."""

    def __init__(self, tls: Tls) -> None:
        """Load the certificate; raises ConfigError."""
        self.tls = tls
        self.context = server_context(tls)
        self._shown = self.context
        self.context.sni_callback = self._show  # called at each handshake, with or without a name

    def renew(self, fresh: ssl.SSLContext) -> None:
        self._shown = fresh

    def _show(self, connection: ssl.SSLObject, name: str | None, first: ssl.SSLContext) -> None:
        connection.context = self._shown


async def serve(
    stack: AsyncExitStack,
    app: web.Application,
    listen: Listen,
    guard: Guard,
    front: Front | None = None,
) -> str:
    """Listen until `stack` unwinds; return the address, with the actual port.

    `front` shows the certificate of `listen` if that is to be renewed.
    """
    front = front or (Front(listen.tls) if listen.tls else None)
    tls = front.context if front else None
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_server_log(guard),
        shutdown_timeout=SHUTDOWN_S,
        keepalive_timeout=KEEP_ALIVE_S,
        lingering_time=LINGER_S,
        auto_decompress=False,  # 200 bytes are not worth compressing
        max_line_size=LINE_MOST,
        max_field_size=FIELD_MOST,
        max_headers=FIELDS_MOST,
    )
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    door = _Door(runner, guard)
    server = await asyncio.get_running_loop().create_server(
        door.connection,
        listen.host,
        listen.port,
        ssl=tls,
        ssl_handshake_timeout=HANDSHAKE_S if tls else None,
    )
    stack.callback(server.close)
    looking = asyncio.create_task(door.look())
    stack.callback(looking.cancel)
    port = server.sockets[0].getsockname()[1]
    host = f"[{listen.host}]" if ":" in listen.host else listen.host
    return f"{'https' if tls else 'http'}://{host}:{port}"


class _Door:
    """Accepts connections, and supervises them."""

    def __init__(self, runner: web.AppRunner, guard: Guard) -> None:
        if runner.server is None:
            raise RuntimeError("the runner is not set up")
        self._server = runner.server
        self._guard = guard
        self._stuck: dict[web.RequestHandler, int] = {}

    def connection(self) -> asyncio.Protocol:
        """Return the protocol of a new connection: the server's, or one that answers 503."""
        if len(self._server.connections) >= CONNECTIONS_MOST:
            return _Full()
        return self._server()

    async def look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._guard.drop_left_polls()
            self._cut_stuck()

    def _cut_stuck(self) -> None:
        """Cut off clients that do not read: answers are small, so a buffer empties quickly."""
        stuck: dict[web.RequestHandler, int] = {}
        for handler in self._server.connections:
            transport = handler.transport
            if isinstance(transport, asyncio.WriteTransport) and transport.get_write_buffer_size():
                stuck[handler] = self._stuck.get(handler, 0) + 1
                if stuck[handler] >= STUCK_LOOKS:
                    transport.abort()
        self._stuck = stuck


def _server_log(guard: Guard) -> logging.Logger:
    """Make the server's own logger, without tracebacks for invalid HTTP."""

    def count(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        bad = isinstance(error, HttpProcessingError)
        if bad:
            guard.refused["bad-http"] += 1
        return not bad

    log = logging.Logger("aiohttp.server")  # for this listener alone, as the filter is
    log.parent = logging.getLogger()
    log.addFilter(count)
    return log


class _Full(asyncio.Protocol):
    """Answers 503 and closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(_FULL)
        transport.close()


def server_context(tls: Tls) -> ssl.SSLContext:
    """Make a context for TLS 1.2 or later, as tills need; raises ConfigError."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, require_private(tls.key))
    except OSError as error:  # ssl.SSLError is one
        raise ConfigError(f"[till] certificate or key: {error}") from error
    return context
