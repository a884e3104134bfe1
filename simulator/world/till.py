"""A till: rings up sales through the bridge's API, hears their outcome, and decides."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    Json = dict[str, Any]

FINAL = ("approved", "declined", "cancelled", "paid")  # nothing more to wait for
WAIT_S = 30


class Till:
    """A client of the till API at `url`; an async context manager.

    Every call raises TillError for a problem that the bridge answers with, and aiohttp's errors
    where it does not answer.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Till:
        self._session = aiohttp.ClientSession(self._url)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    # A sale.

    async def ring_up(self, amount: int, currency: str = "SEK", **more: Any) -> Json:
        """Open a sale of `amount` minor units under a fresh sale id."""
        body = {"sale_id": secrets.token_hex(16), "amount": amount, "currency": currency, **more}
        return await self._ask("POST", "/v1/sales", body)

    async def look(self, sale_id: str, wait_s: float = 0) -> Json:
        """The sale now, or once it has an answer within `wait_s`."""
        return await self._ask("GET", f"/v1/sales/{sale_id}?wait={wait_s}")

    async def outcome(self, sale_id: str) -> Json:
        """The sale once it is final."""
        sale = await self.look(sale_id, WAIT_S)
        while sale["state"] not in FINAL:
            sale = await self.look(sale_id, WAIT_S)
        return sale

    async def paid(self, sale_id: str) -> Json:
        """The till has persisted that the sale is paid."""
        return await self._ask("POST", f"/v1/sales/{sale_id}/paid")

    async def cancel(self, sale_id: str) -> Json:
        """The till has persisted that it is not."""
        return await self._ask("POST", f"/v1/sales/{sale_id}/cancel")

    async def abort(self, sale_id: str) -> Json:
        """The cashier waits no longer; refused where the sale is approved."""
        return await self._ask("POST", f"/v1/sales/{sale_id}/abort")

    # A refund.

    async def refund(self, amount: int, **more: Any) -> Json:
        """Give money back under a fresh refund id; `more` names the sale or the transaction."""
        return await self._ask(
            "POST", "/v1/refunds", {"refund_id": secrets.token_hex(16), "amount": amount, **more}
        )

    async def refund_status(self, refund_id: str, wait_s: float = 0) -> Json:
        """The refund now, or once it has an answer within `wait_s`."""
        return await self._ask("GET", f"/v1/refunds/{refund_id}?wait={wait_s}")

    async def abort_refund(self, refund_id: str) -> Json:
        """The cashier waits no longer for a phone; refused where the refund is approved."""
        return await self._ask("POST", f"/v1/refunds/{refund_id}/abort")

    # The day, and what is left to do.

    async def totals(self, **query: Any) -> Json:
        """What a `day` came to, at one `till` or at all."""
        return await self._ask("GET", "/v1/totals", params=query)

    async def reconciliation(self, **query: Any) -> Json:
        """The same days and tills, beside the authority's books."""
        return await self._ask("GET", "/v1/reconciliation", params=query)

    async def open_sales(self, **query: Any) -> list[Json]:
        """Every sale and refund with something left to happen, at one `till` or at all."""
        found: list[Json] = (await self._ask("GET", "/v1/sales", params=query))["sales"]
        return found

    async def acknowledge(self, key: str, by: str, **more: Any) -> Json:
        """A person has seen an alarm or a difference; `more` is a note or a decision about it."""
        body = {"key": key, "by": by, **more}
        return await self._ask("POST", "/v1/reconciliation/acknowledge", body)

    async def outbox(self) -> Json:
        """What the authority is still to hear."""
        return await self._ask("GET", "/v1/outbox")

    async def send_now(self) -> Json:
        """Try all of that at once; how it was then."""
        return await self._ask("POST", "/v1/outbox/send")

    async def receivers(self) -> list[Json]:
        answer = await self._ask("GET", "/v1/receivers")
        receivers: list[Json] = answer["receivers"]
        return receivers

    # What happens.

    async def events(self) -> AsyncIterator[Json]:
        """What the bridge tells, as it happens."""
        async with self.watch() as events:
            async for event in events:
                yield event

    @asynccontextmanager
    async def watch(self, after: int | None = None) -> AsyncIterator[AsyncIterator[Json]]:
        """Every event from the moment of entering on, so that nothing done inside is missed.

        With the cursor `after` of an earlier event all that came since is told first. This is the
        till: what is approved is told to it.
        """
        query = {"till": "true"} if after is None else {"till": "true", "after": str(after)}
        async with self._open.ws_connect("/v1/events", params=query) as stream:
            yield (message.json() async for message in stream)

    @property
    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the till is not open")
        return self._session

    async def _ask(
        self, method: str, path: str, body: Any = None, params: Json | None = None
    ) -> Json:
        async with self._open.request(method, path, json=body, params=params) as response:
            answer: Json = await response.json(content_type=None)
        if response.status >= 400:
            raise TillError(response.status, answer)
        return answer


class TillError(Exception):
    """A problem (RFC 9457) that the bridge answered with."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('title')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem

    @property
    def kind(self) -> str:
        """The stable word of the problem."""
        return str(self.problem.get("type", "")).rpartition(":")[2]
