"""A till with one kept-alive connection to the till API: as little HTTP as it takes."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any
from urllib.parse import urlsplit

from simulator.till import FINAL

from .buyer import LoadError

WAIT_S = 30  # for an outcome, in one request
SALES = "/v1/sales"
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Till(asyncio.Protocol):
    """Sells one sale at a time. A general client would take as long as the bridge itself."""

    def __init__(self, number: int, url: str) -> None:
        self.number = number
        self._place = urlsplit(url)
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    async def sell(self, amount: int) -> dict[str, Any]:
        """A whole sale: rung up, approved, paid; raises LoadError for anything else."""
        terms = {"amount": amount, "currency": "SEK", "till": self.number}
        sale = await self._ask("POST", SALES, {"sale_id": secrets.token_hex(16), **terms})
        path = f"{SALES}/{sale['sale_id']}"
        while sale["state"] not in FINAL:
            sale = await self._ask("GET", f"{path}?wait={WAIT_S}")
        if sale["state"] != "approved" or sale["amount"] != amount:
            raise LoadError(f"the till was told {sale}")
        sale = await self._ask("POST", f"{path}/paid")
        if sale["state"] != "paid":
            raise LoadError(f"paid, and the till was told {sale}")
        return sale

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    async def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        if self._transport is None:
            host, _, port = self._place.netloc.partition(":")
            self._transport, _ = await loop.create_connection(lambda: self, host, int(port))
        self._answer = loop.create_future()
        content = b"" if body is None else json.dumps(body).encode()
        kind = "Content-Type: application/json\r\n" if content else ""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._place.netloc}\r\n"
            f"{kind}Content-Length: {len(content)}\r\n\r\n"
        )
        self._transport.write(head.encode() + content)
        status, data = await self._answer
        if status >= 400:
            raise LoadError(f"{method} {path}: {status} {data.decode(errors='replace')}")
        answer: dict[str, Any] = json.loads(data)
        return answer

    # The connection (asyncio.Protocol).

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport, self._buffer = None, b""
        if self._answer and not self._answer.done():
            self._answer.set_exception(LoadError(f"the bridge hung up: {exc}"))

    def data_received(self, data: bytes) -> None:
        """An answer is whole once it is as long as it says; the bridge sends none in chunks."""
        self._buffer += data
        head, end, body = self._buffer.partition(_HEAD_END)
        if not end or self._answer is None or self._answer.done():
            return
        if len(body) >= _content_length(head):
            self._buffer = b""
            self._answer.set_result((int(head.split(b" ", 2)[1]), body))


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        if line.lower().startswith(_LENGTH):
            return int(line[len(_LENGTH) :])
    raise LoadError("an answer without its length")
