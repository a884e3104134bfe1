"""Byte streams of the radio, at "tcp:HOST:PORT" or "unix:PATH": H4, pseudo-terminals, frames."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import struct
import tty
from collections.abc import Callable
from pathlib import Path
from typing import cast

from bumble.core import InvalidPacketError
from bumble.transport.common import PacketParser, TransportSink

from simulator.hardware.micropython import radiowire as wire


async def listen(
    endpoint: str, factory: Callable[[], asyncio.Protocol]
) -> tuple[asyncio.Server, str]:
    """Serve at an endpoint; port 0 takes a free one. Return the server and the real endpoint."""
    loop = asyncio.get_running_loop()
    kind, _, place = endpoint.partition(":")
    if kind == "unix":
        return await loop.create_unix_server(factory, place), endpoint
    host, _, port = place.rpartition(":")
    server = await loop.create_server(factory, host, int(port))
    return server, f"tcp:{host}:{server.sockets[0].getsockname()[1]}"


async def connect(endpoint: str, factory: Callable[[], asyncio.Protocol]) -> None:
    """Connect a protocol to an endpoint; OSError where no server listens."""
    loop = asyncio.get_running_loop()
    kind, _, place = endpoint.partition(":")
    if kind == "unix":
        await loop.create_unix_connection(factory, place)
        return
    host, _, port = place.rpartition(":")
    await loop.create_connection(factory, host, int(port))


def without_delay(transport: asyncio.BaseTransport) -> None:
    """Send small packets at once: requests and answers alternate."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family == socket.AF_INET:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class H4(asyncio.Protocol):
    """HCI packets on a stream (Vol 4 Part A): Bumble's packet source and sink in one."""

    def __init__(self) -> None:
        self.terminated: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._parser = PacketParser()
        self._transport: asyncio.WriteTransport | None = None

    def set_packet_sink(self, sink: TransportSink) -> None:
        self._parser.set_packet_sink(sink)

    def on_packet(self, packet: bytes) -> None:
        if self._transport is not None:
            self._transport.write(packet)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        without_delay(transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except InvalidPacketError:  # no way to find the next packet on this stream
            self.close()

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        if not self.terminated.done():
            self.terminated.set_result(None)
        lost = getattr(self._parser.sink, "on_transport_lost", None)
        if lost is not None:
            lost()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class PtyH4(H4):
    """H4 on a pseudo-terminal at its own path, which a process opens as its Bluetooth UART.

    The far side may be closed and opened again; its next HCI Reset restarts it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._near, self._far = pty.openpty()
        tty.setraw(self._far)
        path.symlink_to(os.ttyname(self._far))

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._reader, _ = await loop.connect_read_pipe(
            lambda: _Reading(self), os.fdopen(os.dup(self._near), "rb", buffering=0)
        )
        writer, _ = await loop.connect_write_pipe(
            asyncio.BaseProtocol, os.fdopen(os.dup(self._near), "wb", buffering=0)
        )
        self._transport = writer

    def close(self) -> None:
        super().close()
        self._reader.close()
        os.close(self._near)
        os.close(self._far)
        self._path.unlink(missing_ok=True)


class _Reading(asyncio.Protocol):
    """A protocol that passes only bytes on, not the opening and closing of the pseudo-terminal."""

    def __init__(self, stream: H4) -> None:
        self._stream = stream

    def data_received(self, data: bytes) -> None:
        self._stream.data_received(data)


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
