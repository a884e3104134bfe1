"""The line to the authority, and servers that stand at its end: what crosses is the test's choice.

Real TLS and real sockets: a server that answers with the bytes it is given, and a middle that may
fall silent as a NAT does that has forgotten its connections.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from pathlib import Path

from msgspec.structs import replace

from bridge.authority.client import AuthorityClient
from bridge.config.configuration import AuthorityConfig, Https
from simulator.crypto import pki
from simulator.crypto.pki import DemoCa, Identity

TIMEOUT_S = 0.5  # for one answer; every wait here takes a fraction of the test's patience
CHUNK = 65_536

Say = Callable[[bytes], bytes | None]


def answer(
    body: bytes = b"",
    kind: str = "application/cose",
    status: str = "200 OK",
    date: float | None = None,
    **headers: str,
) -> bytes:
    """A whole answer; names of headers with _ for -."""
    lines = {"Content-Type": kind, "Content-Length": str(len(body)), **headers}
    lines["Date"] = formatdate(date, usegmt=True)
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


class Scripted:
    """A server that says to each request what `say` gives for its head; None is endless chunks."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self.heads: list[bytes] = []
        self.together: asyncio.Barrier | None = None  # so many requests are answered at once
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                if b"Content-Length: " in head:
                    size = head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0]
                    await reader.readexactly(int(size))
                if self.together:
                    await self.together.wait()
                said = self.say(head)
                if said is None:
                    await _say_for_ever(writer)
                else:
                    writer.write(said)
                    await writer.drain()
        writer.transport.abort()


async def _say_for_ever(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/cose\r\n")
    writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"400\r\n" + bytes(1024) + b"\r\n")
        await writer.drain()


@asynccontextmanager
async def scripted(
    say: Say, ca: DemoCa, identity: Identity | None = None, *, strict: bool = False
) -> AsyncIterator[Scripted]:
    """On loopback over TLS; `strict` wants a client certificate in the handshake."""
    one = Scripted(say)
    context = pki.server_context(ca.certificate, identity or ca.server())
    if strict:
        context.verify_mode = ssl.CERT_REQUIRED
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0, ssl=context)
    one.port = server.sockets[0].getsockname()[1]
    async with server:
        yield one


class Middle:
    """Carries connections to the port `to`; `silence` swallows what comes on the open ones."""

    def __init__(self, port: int) -> None:
        self.opened = 0
        self.port = 0
        self.to = port
        self._silent: set[int] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    def silence(self) -> None:
        """Without a word to either end; new connections are carried."""
        self._silent = set(range(self.opened))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.opened = self.opened, self.opened + 1
        there, back = await asyncio.open_connection("127.0.0.1", self.to)
        self._writers |= {writer, back}
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._carry(number, reader, back))
            tasks.create_task(self._carry(number, there, writer))

    async def _carry(
        self, number: int, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(CHUNK):
                if number not in self._silent:
                    sink.write(data)
        if number not in self._silent:
            sink.close()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def in_the_middle(port: int) -> AsyncIterator[Middle]:
    middle = Middle(port)
    server = await asyncio.start_server(middle.serve, "127.0.0.1", 0)
    middle.port = server.sockets[0].getsockname()[1]
    async with server:
        yield middle
        middle.cut()


def to(port: int, ca: DemoCa, host: str = "127.0.0.1", **changes: object) -> AuthorityConfig:
    """How a bridge finds what listens on `port`."""
    client = ca.client("bridge")
    config = AuthorityConfig(
        Https(f"https://{host}:{port}"), ca.certificate, client.certificate, client.key, TIMEOUT_S
    )
    return replace(config, **changes)


@asynccontextmanager
async def client_of(say: Say, directory: Path) -> AsyncIterator[tuple[AuthorityClient, Scripted]]:
    """A client and the server that answers it."""
    ca = pki.DemoCa(directory / "tls")
    async with scripted(say, ca) as server, AuthorityClient(to(server.port, ca)) as client:
        yield client, server
