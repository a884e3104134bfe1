"""The least HTTP that works: a general client would cost as much as the measured bridge."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from .errors import LoadError

if TYPE_CHECKING:
    import ssl

JSON = "application/json"
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class HttpAnswer(NamedTuple):
    """The server's answer."""

    status: int
    body: bytes


class Client(asyncio.Protocol):
    """One kept-alive connection to the server at `url`, for one request at a time."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None) -> None:
        self._netloc = urlsplit(url).netloc
        self._context = context
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[HttpAnswer] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"", kind: str = JSON) -> bytes:
        """Send one request, connecting where needed; raises LoadError for a refusal."""
        loop = asyncio.get_running_loop()
        if self._transport is None:
            host, _, port = self._netloc.partition(":")
            self._transport, _ = await loop.create_connection(
                lambda: self, host, int(port), ssl=self._context
            )
        self._answer = loop.create_future()
        typed = f"Content-Type: {kind}\r\n" if body else ""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._netloc}\r\n"
            f"{typed}Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        answer = await self._answer
        if answer.status >= 400:
            text = answer.body.decode(errors="replace")
            raise LoadError(f"{method} {path}: {answer.status} {text}")
        return answer.body

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    # The connection (asyncio.Protocol).

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport, self._buffer = None, b""
        if self._answer and not self._answer.done():
            self._answer.set_exception(LoadError(f"the server hung up: {exc}"))

    def data_received(self, data: bytes) -> None:
        """Complete an answer once it has its declared length; none comes in chunks."""
        self._buffer += data
        head, end, body = self._buffer.partition(_HEAD_END)
        if not end or self._answer is None or self._answer.done():
            return
        if len(body) >= _content_length(head):
            self._buffer = b""
            self._answer.set_result(HttpAnswer(int(head.split(b" ", 2)[1]), body))


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(_LENGTH):
            return int(line[len(_LENGTH) :])
    raise LoadError("an answer without its length")
