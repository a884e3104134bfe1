"""An authority on HTTPS with one bridge, one receiver and one phone, for tests of its answers."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from receiver.protocol import messages
from simulator.authority import Authority, DemoWorld
from simulator.crypto import code_proof, pki
from simulator.crypto.p256 import p256_public
from simulator.world.enrolment import new_receiver
from tests.support.values import evidence

CODE = "314159"
RECEIVER = evidence.seed("receiver")
PHONE = evidence.seed("phone")
PHONE_CODE_KEY = evidence.seed("phone code key")
OTHER_ID = b"receiver"

ANSWER_S = 10.0  # longer than any answer takes, shorter than anybody's patience


class Clock:
    """The authority's clock, which a test may move by `shift` seconds."""

    def __init__(self) -> None:
        self.shift = 0

    def __call__(self) -> float:
        return time.time() + self.shift


@dataclass
class World:
    """An authority, one bridge with its receiver, and one phone with a credential."""

    authority: Authority
    clock: Clock
    demo: DemoWorld
    bridge: aiohttp.ClientSession
    open: aiohttp.ClientSession
    certificate: bytes
    token: str = ""
    phone_id: int = 0
    k: bytes = b""
    credential: bytes = b""
    counter: int = 0
    sequence: int = 0
    now: int = field(default_factory=lambda: int(time.time()))

    def registration(self, public: bytes, buyer: int = 0) -> dict[str, str]:
        """What the phone of a buyer with this key says to be registered."""
        return {
            "activation": self.demo.buyers[buyer].activation,
            "key": public.hex(),
            "code_key": p256_public(PHONE_CODE_KEY).hex(),
            "code": CODE,
        }

    async def activate(self) -> None:
        body = self.registration(p256_public(PHONE))
        answer = await self.call("POST", "/v1/phones", 201, json=body)
        self.token, self.phone_id = answer["token"], answer["phone_id"]
        authority_key = bytes.fromhex(answer["authority_code_key"])
        self.k = code_proof.code_key(PHONE_CODE_KEY, authority_key, CODE)

    async def credentials(self, recipient: int, count: int = 1) -> list[bytes]:
        answer = await self.call(
            "POST",
            f"/v1/phones/{self.phone_id}/credentials",
            json={"recipient": recipient, "count": count},
            token=self.token,
        )
        return [bytes.fromhex(data) for data in answer["credentials"]]

    async def call(
        self,
        method: str,
        path: str,
        status: int = 200,
        *,
        token: str = "",
        json: Any = None,
    ) -> Any:
        """A JSON answer to a caller without client certificate."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.open.request(method, path, json=json, headers=headers) as response:
            assert response.status == status, await response.text()
            return await response.json(content_type=None)

    async def admin(self, method: str, path: str, json: Any = None, status: int = 200) -> Any:
        path = f"/v1/admin/{path}"
        return await self.call(method, path, status, token=self.authority.admin_token, json=json)

    def offer(self, **changes: Any) -> bytes:
        """An offer of another sale each time."""
        self.sequence += 1
        values = {
            "sequence": self.sequence,
            "reference": self.sequence.to_bytes(8, "big"),
            "ephemeral": evidence.seed(f"ephemeral {self.sequence}"),
        }
        return evidence.offer(RECEIVER, self.certificate, self.now, **(values | changes))

    def approve(self, offer: bytes, **changes: Any) -> bytes:
        """An approval with a fresh counter and the right code."""
        self.counter += 1
        values: dict[str, Any] = {"counter": self.counter, "k": self.k}
        return evidence.approval(
            PHONE, self.certificate, offer, self.credential, **(values | changes)
        )

    def record(self, offer: bytes, approval: bytes, **changes: Any) -> bytes:
        values: dict[str, Any] = {"credential": self.credential, "accepted": self.now}
        return evidence.record(self.certificate, offer, approval=approval, **(values | changes))

    def new_record(self) -> bytes:
        """The record of another sale each time."""
        offer = self.offer()
        return self.record(offer, self.approve(offer))

    async def post(self, record: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": "application/cbor"}
        async with self.bridge.post("/v1/authorisations", data=record, headers=headers) as answer:
            return answer.status, await answer.read()

    async def receipt(self, record: bytes) -> messages.Receipt:
        status, body = await self.post(record)
        assert status == 200, body
        return evidence.receipt(body, self.authority.pins)

    async def refusal(self, record: bytes) -> tuple[int, str]:
        """Status and reason of the problem that answers a record."""
        status, body = await self.post(record)
        return status, reason_in(body)

    async def buy(self, *, k: bytes | None = None, **changes: Any) -> messages.Receipt:
        """One purchase from offer to receipt; `changes` are the offer's."""
        offer = self.offer(**changes)
        return await self.receipt(self.record(offer, self.approve(offer, k=k or self.k)))

    async def reverse(self, approval_id: bytes, status: int = 200) -> Any:
        path = f"/v1/reversals/{approval_id.hex()}"
        body = {"receiver_id": evidence.RECEIVER_ID.hex()}
        async with self.bridge.post(path, json=body) as answer:
            assert answer.status == status, await answer.text()
            return await answer.json(content_type=None)

    async def credit_space(self) -> int:
        answer = await self.admin("GET", f"recipients/{self.demo.recipients[0]}")
        return int(answer["credit_space"])


def session_as(authority: Authority, identity: pki.Identity | None = None) -> aiohttp.ClientSession:
    context = pki.client_context(authority.ca.certificate, identity)
    return aiohttp.ClientSession(
        authority.url,
        connector=aiohttp.TCPConnector(ssl=context),
        timeout=aiohttp.ClientTimeout(total=ANSWER_S),
    )


@asynccontextmanager
async def speaking_as(world: World, name: str) -> AsyncIterator[World]:
    """Give the world's bridge another client certificate for a while."""
    async with session_as(world.authority, world.authority.ca.client(name)) as session:
        world.bridge, before = session, world.bridge
        try:
            yield world
        finally:
            world.bridge = before


def reason_in(problem: bytes) -> str:
    """The name of the reason in a problem document."""
    return str(json.loads(problem)["reason"])


def enrol(authority: Authority, client: pki.Identity, **changes: Any) -> bytes:
    terms: dict[str, Any] = {
        "receiver_id": evidence.RECEIVER_ID,
        "store_name": "Storgatan 1",
        "invoice_issuer": 7,
    }
    given = terms | changes
    return new_receiver(authority, client.fingerprint(), seed=RECEIVER, **given).certificate


@asynccontextmanager
async def world_in(directory: Path, database: str | None = None) -> AsyncIterator[World]:
    """A phone with a credential at a running authority."""
    async with AsyncExitStack() as stack:
        clock = Clock()
        authority = await stack.enter_async_context(
            Authority(directory, clock=clock, database=database)
        )
        client = authority.ca.client("bridge")
        certificate = enrol(authority, client)
        bridge = await stack.enter_async_context(session_as(authority, client))
        nobody = await stack.enter_async_context(session_as(authority))
        world = World(authority, clock, authority.seed_demo(), bridge, nobody, certificate)
        await world.activate()
        [world.credential] = await world.credentials(world.demo.recipients[0])
        yield world
