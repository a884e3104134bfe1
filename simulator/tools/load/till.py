"""A till that sells one sale after the other."""

from __future__ import annotations

import secrets

import msgspec

from bridge.till.rest.models import SaleView
from simulator.world.till import FINAL

from .errors import LoadError
from .http import Client

WAIT_S = 30  # for an outcome, in one request
SALES = "/v1/sales"


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
