"""A buyer whose phone signs whatever a test asks for; everything else about it is real."""

from __future__ import annotations

from typing import Any

import aiohttp

from receiver.crypto import host
from simulator.authority import Authority
from simulator.crypto import code_proof, pki
from simulator.crypto.p256 import p256_public
from tests.support.values import evidence

PHONE = evidence.seed("phone")
PHONE_CODE_KEY = evidence.seed("phone code key")
CODE = "314159"


class Buyer:
    """A phone with a credential, that signs whatever a test asks for."""

    def __init__(self, authority: Authority, certificate: bytes, key: bytes = PHONE) -> None:
        self._authority = authority
        self._key = key
        self.certificate = certificate
        self._counter = 0
        self.credential = b""
        self._k = b""
        self._phone: dict[str, Any] = {}
        self.id = self.recipient = 0

    async def activate(self, number: int = 0) -> None:
        """As one of the demo's two buyers, with an invoice recipient of their own."""
        demo = self._authority.seed_demo()
        self.id, self.recipient = demo.buyers[number].id, demo.recipients[-number]
        body = {
            "activation": demo.buyers[number].activation,
            "key": host.ed25519_public(self._key).hex(),
            "code_key": p256_public(PHONE_CODE_KEY).hex(),
            "code": CODE,
        }
        self._phone = await self.call("POST", "/v1/phones", json=body)
        their_key = bytes.fromhex(self._phone["authority_code_key"])
        self._k = code_proof.code_key(PHONE_CODE_KEY, their_key, CODE)
        await self.renew()

    async def renew(self) -> None:
        """Take another credential, as the authority gives it by now."""
        path = f"/v1/phones/{self._phone['phone_id']}/credentials"
        wanted = {"recipient": self.recipient, "count": 1}
        issued = await self.call("POST", path, self._phone["token"], json=wanted)
        self.credential = bytes.fromhex(issued["credentials"][0])

    async def admin(self, path: str, **values: bool | int) -> None:
        """What an administrator changes at the authority."""
        await self.call("PUT", f"/v1/admin/{path}", self._authority.admin_token, json=values)

    async def raise_limit(self, limit: int) -> None:
        await self.admin(f"buyers/{self.id}", purchase_limit=limit)

    async def ask(self, approval_id: bytes) -> Any:
        """What the authority says to the phone that asks about its approval."""
        return await self.call("GET", f"/v1/approvals/{approval_id.hex()}", self._phone["token"])

    async def call(self, method: str, path: str, token: str = "", **request: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        context = pki.client_context(self._authority.ca.certificate)
        connector = aiohttp.TCPConnector(ssl=context)
        async with (
            aiohttp.ClientSession(self._authority.url, connector=connector) as http,
            http.request(method, path, headers=headers, **request) as response,
        ):
            assert response.status < 300, await response.text()
            return await response.json(content_type=None)

    def approve(self, offer: bytes, **changes: Any) -> bytes:
        self._counter += 1
        values: dict[str, Any] = {"counter": self._counter, "k": self._k} | changes
        return evidence.approval(self._key, self.certificate, offer, self.credential, **values)

    def name(self, offer: bytes, approval: bytes) -> bytes:
        return evidence.approval_id(self.certificate, offer, self.credential, approval)
