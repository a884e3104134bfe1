"""A line behind a TCP port, on a real one."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from bridge.lines.opening import opener
from bridge.lines.serial_port import PortError
from bridge.lines.socket_port import KEEP_ALIVE, WAITING_MOST, SocketPort
from tests.bridge.lines.test_serial_port import hearing, stays_closed


class Far:
    """The other end: what it has read, and its way to write."""

    def __init__(self) -> None:
        self.url = ""
        self.ready: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
        self.ready = asyncio.Queue()

    async def met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.ready.put((reader, writer))


@pytest.fixture
async def far() -> AsyncIterator[Far]:
    end = Far()
    server = await asyncio.start_server(end.met, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    end.url = f"socket://{host}:{port}"
    yield end
    server.close()


async def test_bytes_go_both_ways_until_it_is_lost(far: Far) -> None:
    async with hearing(opener(far.url)) as (port, heard):
        reader, writer = await far.ready.get()
        port.write(b"to the receiver\0")
        assert await reader.readexactly(16) == b"to the receiver\0"
        writer.write(b"from it\0")
        await heard.until(lambda: bytes(heard.data) == b"from it\0")
        writer.close()
        await heard.until(lambda: heard.cause is not None)
        with pytest.raises(PortError):
            port.write(b"nobody is there")


async def test_what_is_closed_hears_nothing(far: Far) -> None:
    async with hearing(opener(far.url)) as (port, heard):
        reader, writer = await far.ready.get()
        await port.close()
        assert await reader.read() == b""
        writer.close()
        assert heard.data == b""


async def test_an_end_that_takes_nothing_is_an_error(far: Far) -> None:
    async with hearing(opener(far.url)) as (port, _):
        _, writer = await far.ready.get()

        def flood() -> None:
            for _ in range(100_000):
                port.write(bytes(WAITING_MOST))

        with pytest.raises(PortError, match="takes no more"):
            flood()
        writer.close()


@pytest.mark.parametrize(
    "url",
    ["socket://", "socket://127.0.0.1", "socket://127.0.0.1:x", "socket://127.0.0.1:1"],
    ids=["nothing", "no port", "no number", "a port where nothing listens"],
)
async def test_a_url_that_leads_nowhere(url: str) -> None:
    await stays_closed(opener(url))


async def test_a_dead_end_is_noticed(far: Far) -> None:
    """By the kernel, which is told how soon: no test waits that long."""
    async with hearing(opener(far.url)) as (port, _):
        _, writer = await far.ready.get()
        assert isinstance(port, SocketPort)
        connection = port._transport.get_extra_info("socket")
        for level, option, value in KEEP_ALIVE:
            assert connection.getsockopt(level, option) == value
        writer.close()


async def test_a_name_that_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: object, **__: object) -> None:
        raise TypeError("strange")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    await stays_closed(opener("socket://receiver.example:4001"), r"receiver\.example")
