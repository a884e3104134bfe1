"""Clients of the till API: a till that sells, and a watcher of the steps of all sales."""

from __future__ import annotations

import secrets

import aiohttp
import msgspec

from bridge.till.rest.models import SaleView, TimingEvent
from simulator.world.till import FINAL

from .http import Client, LoadError

WAIT_S = 30  # for an outcome, in one request
SALES, EVENTS = "/v1/sales", "/v1/events"
_TIMING = '"timing"'  # events without it are not even parsed


class LoadTill:
    """A client of the till API at `url`."""

    def __init__(self, number: int, url: str) -> None:
        self._number = number
        self._client = Client(url)

    async def sell(self, amount: int) -> None:
        """Make a whole sale: rung up, approved, paid; raises LoadError for any other end."""
        terms = {"amount": amount, "currency": "SEK", "till": self._number}
        body = msgspec.json.encode({"sale_id": secrets.token_hex(16), **terms})
        sale = await self._ask("POST", SALES, body)
        path = f"{SALES}/{sale.sale_id}"
        while sale.state not in FINAL:
            sale = await self._ask("GET", f"{path}?wait={WAIT_S}")
        if sale.state != "approved" or sale.amount != amount:
            raise LoadError(f"the till got {sale}")
        sale = await self._ask("POST", f"{path}/paid")
        if sale.state != "paid":
            raise LoadError(f"paid, but the till got {sale}")

    def close(self) -> None:
        self._client.close()

    async def _ask(self, method: str, path: str, body: bytes = b"") -> SaleView:
        return msgspec.json.decode(await self._client.ask(method, path, body), type=SaleView)


class StepWatcher:
    """A watcher; `steps` has every sale that it saw (`bridge.observability.timings`).

    A bridge disconnects slow watchers, and this process may be slow for a moment: the sales of that
    moment have no steps.
    """

    def __init__(self, url: str) -> None:
        self.steps: list[dict[str, float]] = []
        self._url = url

    async def run(self) -> None:
        """Watch until cancelled."""
        async with aiohttp.ClientSession(self._url) as session:
            while True:
                async with session.ws_connect(EVENTS) as stream:
                    async for message in stream:
                        if message.type is aiohttp.WSMsgType.TEXT and _TIMING in message.data:
                            event = msgspec.json.decode(message.data, type=TimingEvent)
                            self.steps.append(event.stamps)
