"""The app's client of the authority: activation, credentials, the state of an approval."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, TypeVar

import aiohttp

from receiver.protocol import pins
from simulator.authority.api.client import AuthorityError, read_answer
from simulator.authority.api.models import Approval, Credentials, Welcome
from simulator.crypto.p256 import p256_private, p256_public
from simulator.phone.conversation.events import NO_ANSWER, UNSEEN, Answered
from simulator.phone.wallet import keys
from simulator.phone.wallet.wallet import BATCH, LOW, InvoiceRecipient, Wallet
from simulator.processes.scope import Scope

TIMEOUT_S = 10.0  # a person waits
UNSEEN_STATUS = 404

T = TypeVar("T")


class PhonesAuthority(Protocol):
    """The authority as a phone needs it; `AuthorityClient` says what each does."""

    async def refill(self, wallet: Wallet, recipient: int, now: int) -> None: ...
    async def renew(self, wallet: Wallet, recipient: int, now: int) -> None: ...
    async def ask(self, approval_id: bytes) -> Answered: ...


class AuthorityClient(Scope):
    """An async context manager that acts for the phone with this token."""

    def __init__(self, url: str, ca: str, token: str = "") -> None:
        self._url = url
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_3
        self._tls.load_verify_locations(cadata=ca)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._session: aiohttp.ClientSession

    async def open(self) -> None:
        session = aiohttp.ClientSession(
            self._url,
            headers=self._headers,
            connector=aiohttp.TCPConnector(ssl=self._tls),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        )
        self._session = await self.stack.enter_async_context(session)

    async def refill(self, wallet: Wallet, recipient: int, now: int) -> None:
        """Fetch a batch of credentials when few are left; raises AuthorityError or Error."""
        if wallet.stock(recipient, now) < LOW:
            wallet.add_credentials(recipient, await self._batch(wallet, recipient), now)

    async def renew(self, wallet: Wallet, recipient: int, now: int) -> None:
        """Replace the credentials after a valid code: new ones may be valid offline.
        Raises as `refill`."""
        if not wallet.buys_offline(recipient, now):
            batch = await self._batch(wallet, recipient)
            wallet.add_credentials(recipient, batch, now, instead=True)

    async def ask(self, approval_id: bytes) -> Answered:
        """Return the state of an approval; a missing answer is no error."""
        try:
            booked = await self._call(Approval, "GET", f"/v1/approvals/{approval_id.hex()}")
        except AuthorityError as error:
            return Answered(approval_id, UNSEEN if error.status == UNSEEN_STATUS else NO_ANSWER)
        receipt = bytes.fromhex(booked.receipt) if booked.receipt else None
        return Answered(approval_id, booked.state, receipt)

    async def activate(self, body: dict[str, str]) -> Welcome:
        """Activate a phone; raises AuthorityError."""
        return await self._call(Welcome, "POST", "/v1/phones", body)

    async def _batch(self, wallet: Wallet, recipient: int) -> list[bytes]:
        path = f"/v1/phones/{wallet.phone_id}/credentials"
        asked = {"recipient": recipient, "count": BATCH}
        batch = await self._call(Credentials, "POST", path, asked)
        return [bytes.fromhex(data) for data in batch.credentials]

    async def _call(
        self, type_: type[T], method: str, path: str, body: Mapping[str, object] | None = None
    ) -> T:
        try:
            async with self._session.request(method, path, json=body) as response:
                data = await response.read()
            return read_answer(response.status, data, type_)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise AuthorityError(f"the authority does not answer: {error}") from error


async def enrol(
    url: str, ca: Path, activation: str, code: str, key_kind: str = keys.P256
) -> Wallet:
    """Enrol a phone for the buyer of this activation, with credentials; raises AuthorityError.

    `ca` is the PEM file of the authority's TLS issuer, `key_kind` one of `keys.KINDS`.
    """
    key, code_private = keys.generate(key_kind), p256_private()
    request = {
        "activation": activation,
        "key": key.public.hex(),
        "code_key": p256_public(code_private).hex(),
        "code": code,
    }
    pem = await asyncio.to_thread(ca.read_text)
    async with AuthorityClient(url, pem) as authority:
        welcome = await authority.activate(request)
    wallet = Wallet(
        key,
        code_private,
        bytes(welcome.authority_code_key),
        pins.decode(bytes.fromhex(welcome.pins)),
        [InvoiceRecipient(one.id, one.name) for one in welcome.recipients],
        authority=url,
        ca=pem,
        phone_id=welcome.phone_id,
        token=welcome.token,
        buyer=welcome.buyer,
    )
    async with AuthorityClient(url, pem, wallet.token) as authority:
        for recipient in wallet.recipients:
            await authority.refill(wallet, recipient.id, int(time.time()))
    return wallet
