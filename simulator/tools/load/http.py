"""The least HTTP that works: a general client would cost as much as the measured bridge."""

from __future__ import annotations

import asyncio
import re
import ssl
from urllib.parse import urlsplit

JSON = "application/json"
_HEAD_END = b"\r\n\r\n"
_HEAD = re.compile(rb"HTTP/1\.1 (\d+) .*\r\ncontent-length: *(\d+)", re.IGNORECASE | re.DOTALL)


class LoadError(Exception):
    """A sale of the load did not go as it must."""


class Client:
    """One kept-alive connection to the server at `url`, for one request at a time."""

    def __init__(self, url: str, context: ssl.SSLContext | None = None) -> None:
        self._place = urlsplit(url)
        self._context = context
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, body: bytes = b"", kind: str = JSON) -> bytes:
        """Send one request, connecting where needed; raises LoadError for a refusal."""
        if self._streams is None or self._streams[0].at_eof():
            place = self._place
            self._streams = await asyncio.open_connection(
                place.hostname, place.port, ssl=self._context
            )
        reader, writer = self._streams
        typed = f"Content-Type: {kind}\r\n" if body else ""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._place.netloc}\r\n"
            f"{typed}Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        try:
            status, answer = await _answer(reader)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise LoadError(f"the server hung up: {error}") from error
        if status >= 400:
            raise LoadError(f"{method} {path}: {status} {answer.decode(errors='replace')}")
        return answer

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return status and body; none comes in chunks."""
    found = _HEAD.match(await reader.readuntil(_HEAD_END))
    if found is None:
        raise LoadError("an answer without its length")
    status, length = map(int, found.groups())
    return status, await reader.readexactly(length)
