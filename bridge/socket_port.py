"""A line behind a TCP port (`socket://host:port`), read by the event loop itself.

pyserial takes a socket byte by byte, with two `select` for each: 200 such lines cost a bridge more
than everything else together.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .serial_port import PortError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .serial_port import Opener, Port

SCHEME = "socket"
OPEN_TIMEOUT_S = 5.0
WAITING_MOST = 4096  # bytes that the other end does not take: a third of a second at 115,200 baud


def opener(url: str) -> Opener:
    """As `serial_port.opener`."""

    async def open_url(received: Callable[[bytes], None], lost: Callable[[str], None]) -> Port:
        try:
            host, number = _place(url)
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                _, port = await asyncio.get_running_loop().create_connection(
                    lambda: SocketPort(received, lost), host, number
                )
        except (OSError, ValueError) as error:  # TimeoutError is an OSError, without a text
            raise PortError(f"{url}: {error or 'no answer'}") from error
        return port

    return open_url


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
        self._transport.write(data)

    async def close(self) -> None:
        self._closing = True
        self._transport.abort()
        await self._ended

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a stream is wanted")
        self._transport = transport

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
