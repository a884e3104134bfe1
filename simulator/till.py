"""A till: rings up sales through the bridge's API and waits for their outcome."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FINAL = ("approved", "declined", "cancelled")
WAIT_S = 30


class Till:
    """A client of the till API at `url`; an async context manager."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Till:
        self._session = aiohttp.ClientSession(self._url)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def ring_up(self, amount: int, currency: str = "SEK", **more: Any) -> dict[str, Any]:
        """Open a sale of `amount` minor units under a fresh sale id."""
        body = {"sale_id": secrets.token_hex(16), "amount": amount, "currency": currency, **more}
        return await self._ask("POST", "/v1/sales", body)

    async def look(self, sale_id: str, wait_s: float = 0) -> dict[str, Any]:
        """The sale now, or once it has an answer within `wait_s`."""
        return await self._ask("GET", f"/v1/sales/{sale_id}?wait={wait_s}")

    async def outcome(self, sale_id: str) -> dict[str, Any]:
        """The sale once it is final."""
        sale = await self.look(sale_id, WAIT_S)
        while sale["state"] not in FINAL:
            sale = await self.look(sale_id, WAIT_S)
        return sale

    async def cancel(self, sale_id: str) -> dict[str, Any]:
        return await self._ask("POST", f"/v1/sales/{sale_id}/cancel")

    async def receivers(self) -> list[dict[str, Any]]:
        answer = await self._ask("GET", "/v1/receivers")
        receivers: list[dict[str, Any]] = answer["receivers"]
        return receivers

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """What the bridge tells, as it happens."""
        async with self.watch() as events:
            async for event in events:
                yield event

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        """Every event from the moment of entering on, so that nothing done inside is missed."""
        async with self._open.ws_connect("/v1/events") as stream:
            yield (message.json() async for message in stream)

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the till is not open")
        return self._session

    async def _ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        async with self._open.request(method, path, json=body) as response:
            answer: dict[str, Any] = await response.json()
        if response.status >= 400:
            raise TillError(response.status, answer)
        return answer


class TillError(Exception):
    """A problem (RFC 9457) that the bridge answered with."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('title')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem
