"""A till: ring up sales through the bridge's API, get their outcome, and decide."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from simulator.processes.scope import Scope

Json = dict[str, Any]

FINAL = ("approved", "declined", "cancelled", "paid")  # the till waits for nothing more
WAIT_S = 30


class Till(Scope):
    """A client of the till API at `url`; an async context manager.

    A bridge on another address than loopback wants its `token`, and has a certificate by `ca`, a
    PEM file, or by an issuer that this computer trusts.

    Every call raises TillError for a problem document, and aiohttp's errors where the bridge does
    not answer.
    """

    def __init__(self, url: str, *, token: str = "", ca: Path | None = None) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._ca = ca
        self._session: aiohttp.ClientSession

    async def open(self) -> None:
        tls = ssl.create_default_context(cafile=self._ca) if self._ca else True
        session = aiohttp.ClientSession(
            self._url, headers=self._headers, connector=aiohttp.TCPConnector(ssl=tls)
        )
        self._session = await self.stack.enter_async_context(session)

    # A sale.

    async def ring_up(self, amount: int, currency: str = "SEK", **more: Any) -> Json:
        """Open a sale of `amount` minor units under a fresh sale id."""
        body = {"sale_id": secrets.token_hex(16), "amount": amount, "currency": currency, **more}
        return await self._ask("POST", "/v1/sales", body)

    async def look(self, sale_id: str, wait_s: float = 0) -> Json:
        """Return the sale, or wait up to `wait_s` for its answer."""
        return await self._ask("GET", f"/v1/sales/{sale_id}?wait={wait_s}")

    async def outcome(self, sale_id: str) -> Json:
        """Wait until the sale is final; return it."""
        sale = await self.look(sale_id, WAIT_S)
        while sale["state"] not in FINAL:
            sale = await self.look(sale_id, WAIT_S)
        return sale

    async def paid(self, sale_id: str) -> Json:
        """Report that the till has persisted the sale as paid."""
        return await self._ask("POST", f"/v1/sales/{sale_id}/paid")

    async def cancel(self, sale_id: str) -> Json:
        """Report that the till has persisted the sale as not paid."""
        return await self._ask("POST", f"/v1/sales/{sale_id}/cancel")

    async def abort(self, sale_id: str) -> Json:
        """Stop waiting for a buyer; refused where the sale is approved."""
        return await self._ask("POST", f"/v1/sales/{sale_id}/abort")

    # A refund.

    async def refund(self, amount: int, **more: Any) -> Json:
        """Refund under a fresh refund id; `more` names the sale or the transaction."""
        return await self._ask(
            "POST", "/v1/refunds", {"refund_id": secrets.token_hex(16), "amount": amount, **more}
        )

    async def refund_status(self, refund_id: str, wait_s: float = 0) -> Json:
        """Return the refund, or wait up to `wait_s` for its answer."""
        return await self._ask("GET", f"/v1/refunds/{refund_id}?wait={wait_s}")

    async def abort_refund(self, refund_id: str) -> Json:
        """Stop waiting for a phone; refused where the refund is approved."""
        return await self._ask("POST", f"/v1/refunds/{refund_id}/abort")

    # The day, and what is open.

    async def totals(self, **query: Any) -> Json:
        """Return the totals of a `day`, at one `till` or at all."""
        return await self._ask("GET", "/v1/totals", params=query)

    async def reconciliation(self, **query: Any) -> Json:
        """Return the same days and tills, compared with the authority's books."""
        return await self._ask("GET", "/v1/reconciliation", params=query)

    async def open_sales(self, **query: Any) -> list[Json]:
        """List every sale and refund that is not closed, at one `till` or at all."""
        return list((await self._ask("GET", "/v1/sales", params=query))["sales"])

    async def acknowledge(self, key: str, by: str, **more: Any) -> Json:
        """Acknowledge an alarm or a difference for a person; `more` is a note or a decision."""
        body = {"key": key, "by": by, **more}
        return await self._ask("POST", "/v1/reconciliation/acknowledge", body)

    async def outbox(self) -> Json:
        """Return what the bridge owes the authority."""
        return await self._ask("GET", "/v1/outbox")

    async def send_now(self) -> Json:
        """Try to send the outbox at once; return its content before that."""
        return await self._ask("POST", "/v1/outbox/send")

    async def receivers(self) -> list[Json]:
        return list((await self._ask("GET", "/v1/receivers"))["receivers"])

    async def update(self, till: int) -> Json:
        """Order the update of a till's receiver."""
        return await self._ask("POST", f"/v1/receivers/{till}/update")

    # Events.

    async def events(self) -> AsyncIterator[Json]:
        """Yield the bridge's events as they happen."""
        async with self.watch() as events:
            async for event in events:
                yield event

    @asynccontextmanager
    async def watch(self, after: int | None = None) -> AsyncIterator[AsyncIterator[Json]]:
        """Yield every event from entering on, so that nothing done inside is missed.

        With the cursor `after`, first yield all events since that one. To the bridge this is the
        till: an `approved` here notifies it.
        """
        query = {"till": "true"} if after is None else {"till": "true", "after": str(after)}
        async with self._session.ws_connect("/v1/events", params=query) as stream:
            yield (message.json() async for message in stream)

    async def _ask(
        self, method: str, path: str, body: Any = None, params: Json | None = None
    ) -> Json:
        async with self._session.request(method, path, json=body, params=params) as response:
            answer: Json = await response.json(content_type=None)
        if response.status >= 400:
            raise TillError(response.status, answer)
        return answer


class TillError(Exception):
    """A problem document (RFC 9457) from the bridge."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('title')}: {problem.get('detail')}")
        self.status = status
        self.problem = problem

    @property
    def kind(self) -> str:
        """Return the problem's stable name."""
        return str(self.problem.get("type", "")).rpartition(":")[2]
