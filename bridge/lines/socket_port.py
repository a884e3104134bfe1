"""A line behind a TCP port (`socket://host:port`), read by the event loop itself.

pyserial reads a socket byte by byte, with two `select` calls for each: 200 such lines take more
time than the rest of the bridge.
"""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bridge import foreign_code
from bridge.own_thread import OwnThread

from .errors import PortError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .serial_port import Opener, Port

SCHEME = "socket"
OPEN_TIMEOUT_S = 5.0  # the second repeat of a lost SYN goes out after 3 s
WAITING_MOST = 4096  # bytes that wait for the other end: a third of a second at 115,200 baud
# A silent loss of the other end is noticed within 25 s, sooner than by its missing health.
KEEP_ALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),  # seconds
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 25_000),  # ms, for unacknowledged bytes
)


def opener(url: str) -> Opener:
    """Return an opener, as `serial_port.opener` does."""
    thread = OwnThread(f"look up {url}")

    async def open_url(received: Callable[[bytes], None], lost: Callable[[str], None]) -> Port:
        with foreign_code.crossing(foreign_code.LINE_SOCKET, PortError, where=url):
            try:
                async with asyncio.timeout(OPEN_TIMEOUT_S):
                    addresses = await _look_up(thread, *_place(url))
                    return await _connect(addresses, lambda: SocketPort(received, lost))
            except TimeoutError:
                raise PortError(f"{url}: no answer") from None

    return open_url


async def _look_up(thread: OwnThread, host: str, number: int) -> list[tuple[str, int]]:
    """Return the addresses of a name; in this line's thread, as the look-up may be slow."""
    work = partial(socket.getaddrinfo, host, number, type=socket.SOCK_STREAM)
    with foreign_code.crossing(foreign_code.LINE_NAME, PortError, where=host):
        try:
            found = await thread.call(work, OPEN_TIMEOUT_S)
        except TimeoutError:
            raise PortError(f"{host}: no answer from the name server") from None
    return [(str(address[0]), number) for *_, address in found]


async def _connect(addresses: list[tuple[str, int]], made: Callable[[], SocketPort]) -> SocketPort:
    """Connect to the first address that answers; raises the error of the last one."""
    loop = asyncio.get_running_loop()
    for host, number in addresses[:-1]:
        try:
            return (await loop.create_connection(made, host, number))[1]
        except OSError:
            continue
    return (await loop.create_connection(made, *addresses[-1]))[1]


class SocketPort(asyncio.Protocol):
    """An open connection."""

    def __init__(self, received: Callable[[bytes], None], lost: Callable[[str], None]) -> None:
        self._received = received
        self._lost = lost
        self._closing = False
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport

    def write(self, data: bytes) -> None:
        if self._transport.is_closing():
            raise PortError("closed")
        if self._transport.get_write_buffer_size() > WAITING_MOST:
            raise PortError("the other end takes no more")
        try:
            self._transport.write(data)
        except Exception as error:
            raise foreign_code.translated(foreign_code.LINE_SOCKET, PortError, error) from error

    async def close(self) -> None:
        self._closing = True
        self._transport.abort()
        await self._ended

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream is wanted")
        self._transport = transport
        for level, option, value in KEEP_ALIVE:
            transport.get_extra_info("socket").setsockopt(level, option, value)

    def data_received(self, data: bytes) -> None:
        if not self._closing:
            self._received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._ended.done():
            self._ended.set_result(None)
        if not self._closing:
            self._lost(str(exc or "closed"))


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if not parts.hostname or parts.port is None:
        raise ValueError("names no host and port")
    return parts.hostname, parts.port
