"""Serial ports by URL: a pseudo-terminal and a socket, both ways, to their end."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import tty
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest

from bridge.lines.serial_port import Opener, Port, PortError, opener

PATIENCE_S = 10.0
EVERY_BYTE = bytes(range(256)) * 40


class End(NamedTuple):
    """The far end of a line."""

    url: str
    write: Callable[[bytes], object]
    read: Callable[[], bytes]
    close: Callable[[], None]


class Heard:
    """What an open port has given."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.cause: str | None = None
        self._news = asyncio.Event()

    def received(self, data: bytes) -> None:
        self.data += data
        self._news.set()

    def lost(self, cause: str) -> None:
        self.cause = cause
        self._news.set()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not done():
                self._news.clear()
                await self._news.wait()


def terminal() -> End:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    url = os.ttyname(theirs)
    os.close(theirs)
    return End(
        url, lambda data: os.write(ours, data), lambda: os.read(ours, 64), lambda: os.close(ours)
    )


def write_thrice(port: Port) -> None:
    """A socket takes what it cannot deliver, once."""
    for _ in range(3):
        port.write(b"anybody?")


@asynccontextmanager
async def hearing(opening: Opener) -> AsyncIterator[tuple[Port, Heard]]:
    """A port that is open until the end, and what it gives."""
    heard = Heard()
    port = await opening(heard.received, heard.lost)
    try:
        yield port, heard
    finally:
        await port.close()


async def stays_closed(opening: Opener, words: str | None = None) -> None:
    heard = Heard()
    with pytest.raises(PortError, match=words):
        await opening(heard.received, heard.lost)


@asynccontextmanager
async def opened(end_of: str) -> AsyncIterator[tuple[End, Port, Heard]]:
    heard = Heard()
    if end_of == "pty":
        end = terminal()
        port = await opener(end.url)(heard.received, heard.lost)
    else:
        with socket.create_server(("127.0.0.1", 0)) as server:
            url = f"socket://127.0.0.1:{server.getsockname()[1]}"
            port = await opener(url)(heard.received, heard.lost)
            connection = server.accept()[0]
        end = End(url, connection.sendall, lambda: connection.recv(64), connection.close)
    try:
        yield end, port, heard
    finally:
        await port.close()


@pytest.mark.parametrize("kind", ["pty", "socket"])
async def test_bytes_pass_both_ways(kind: str) -> None:
    async with opened(kind) as (end, port, heard):
        await asyncio.to_thread(end.write, EVERY_BYTE[:2560])
        await heard.until(lambda: len(heard.data) >= 2560)
        assert heard.data == EVERY_BYTE[:2560]
        port.write(b"\x00\x03\x11\x13\xff")
        assert await asyncio.to_thread(end.read) == b"\x00\x03\x11\x13\xff"
        end.close()


@pytest.mark.parametrize("kind", ["pty", "socket"])
async def test_the_end_is_told_once(kind: str) -> None:
    async with opened(kind) as (end, port, heard):
        end.close()
        await heard.until(lambda: heard.cause is not None)
        with pytest.raises(PortError):
            write_thrice(port)


@pytest.mark.parametrize("kind", ["pty", "socket"])
async def test_closing_is_quiet(kind: str) -> None:
    async with opened(kind) as (end, port, heard):
        await port.close()
        assert heard.cause is None
        end.close()


@pytest.mark.parametrize(
    "url", ["/dev/nowhere", "socket://127.0.0.1:1", "nonsense://x", "socket://"]
)
async def test_what_cannot_be_opened(url: str) -> None:
    await stays_closed(opener(url))
