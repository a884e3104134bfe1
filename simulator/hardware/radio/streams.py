"""Byte streams of the radio, at "tcp:HOST:PORT" or "unix:PATH": H4 and frames."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

from bumble.core import InvalidPacketError
from bumble.transport.common import StreamPacketSource

from simulator.hardware.micropython import radiowire as wire


async def listen(
    endpoint: str, factory: Callable[[], asyncio.Protocol]
) -> tuple[asyncio.Server, str]:
    """Serve at an endpoint; port 0 takes a free one. Return the server and the real endpoint."""
    loop = asyncio.get_running_loop()
    path, host, port = _parts(endpoint)
    if path:
        return await loop.create_unix_server(factory, path), endpoint
    server = await loop.create_server(factory, host, port)
    return server, f"tcp:{host}:{server.sockets[0].getsockname()[1]}"


async def connect(endpoint: str, factory: Callable[[], asyncio.Protocol]) -> None:
    """Connect a protocol to an endpoint; OSError where no server listens."""
    loop = asyncio.get_running_loop()
    path, host, port = _parts(endpoint)
    if path:
        await loop.create_unix_connection(factory, path)
    else:
        await loop.create_connection(factory, host, port)


def _parts(endpoint: str) -> tuple[str, str, int]:
    """Return the path of a unix socket, or "" and a host and port."""
    kind, _, place = endpoint.partition(":")
    if kind == "unix":
        return place, "", 0
    host, _, port = place.rpartition(":")
    return "", host, int(port)


def without_delay(transport: asyncio.BaseTransport) -> None:
    """Send small packets at once: requests and answers alternate."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class H4(StreamPacketSource):
    """HCI packets on a stream (Vol 4 Part A): Bumble's packet source and sink in one."""

    def __init__(self) -> None:
        super().__init__()
        self._transport: asyncio.WriteTransport | None = None

    def on_packet(self, packet: bytes) -> None:
        if self._transport is not None:
            self._transport.write(packet)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        without_delay(transport)

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except InvalidPacketError:  # no way to find the next packet on this stream
            self.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self.on_transport_lost()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Frames(asyncio.Protocol):
    """Frames on a stream; each goes to `on_frame(self, code, body)`."""

    def __init__(
        self, on_frame: Callable[[Frames, int, bytes], None], on_lost: Callable[[Frames], None]
    ) -> None:
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        without_delay(transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= wire.HEADER_SIZE:
            length, code = struct.unpack_from(wire.HEADER, self._buffer)
            end = length + 2
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[wire.HEADER_SIZE : end])
            del self._buffer[:end]
            self._on_frame(self, code, body)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self._on_lost(self)

    def send(self, code: int, body: bytes) -> None:
        if self._transport is not None:
            self._transport.write(struct.pack(wire.HEADER, len(body) + 1, code) + body)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
