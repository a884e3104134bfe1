"""The device's part of an enrolment in the authority's tests: its key, its request, its echo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from receiver.crypto import host
from receiver.protocol import enrolment, signed
from tests.support.shop.authority import World
from tests.support.values import evidence

TERMS: dict[str, Any] = {
    "store": 101,
    "store_name": "Storgatan 1",
    "invoice_issuer": 7,
    "currency": 752,
    "till": 7,
}


@dataclass
class Device:
    """Signs as a receiver does, with a key of its own."""

    seed: bytes = field(default_factory=lambda: evidence.seed("enrolled receiver"))

    @property
    def key(self) -> bytes:
        return host.ed25519_public(self.seed)

    def request(self, challenge: bytes, **changes: Any) -> bytes:
        value = enrolment.Request(1, challenge, self.key, b"\1" * 6, "unix", b"firmware")
        return self._sign(enrolment.REQUEST, value._replace(**changes))

    def echo(self, begun: Mapping[str, Any], certificate: bytes, **changes: Any) -> bytes:
        value = enrolment.Installed(
            1,
            bytes.fromhex(begun["challenge"]),
            signed.digest(certificate),
            signed.digest(bytes.fromhex(begun["pins"])),
            begun["terms"]["till"],
            begun["least_release"],
        )
        return self._sign(enrolment.INSTALLED, value._replace(**changes))

    def _sign(self, kind: signed.Kind, value: object) -> bytes:
        return signed.encode(kind, value, b"", partial(host.ed25519_sign, self.seed))


@dataclass
class Technician:
    """Uses one ticket at the world's authority."""

    world: World
    ticket: str
    begun: dict[str, Any] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/v1/enrolments/{self.begun['enrolment_id']}"

    async def begin(self, status: int = 201, **asked: Any) -> dict[str, Any]:
        body = {"kind": "receiver", **asked}
        answer = await self.call("POST", "/v1/enrolments", body, status)
        if status == 201:
            self.begun = answer
        return answer

    async def hand_in(self, data: bytes, status: int = 200) -> dict[str, Any]:
        return await self.call("POST", f"{self.path}/request", {"request": data.hex()}, status)

    async def outcome(self, wait_s: float = 0.0) -> dict[str, Any]:
        return await self.call("GET", f"{self.path}?wait_s={wait_s}")

    async def installed(self, echo: bytes, status: int = 200) -> dict[str, Any]:
        return await self.call("POST", f"{self.path}/installed", {"echo": echo.hex()}, status)

    async def decided(self, word: str = "confirmation", status: int = 200) -> dict[str, Any]:
        """What the second person's decision gives."""
        path = f"enrolments/{self.begun['enrolment_id']}/{word}"
        return dict(await self.world.admin("POST", path, {}, status))

    async def certificate(self, device: Device) -> bytes:
        """Go on until the certificate is made."""
        await self.begin()
        await self.hand_in(device.request(bytes.fromhex(self.begun["challenge"])))
        return bytes.fromhex((await self.decided())["certificate"])

    async def enrol(self, device: Device) -> bytes:
        """Go the whole way; return the live certificate."""
        data = await self.certificate(device)
        await self.installed(device.echo(self.begun, data))
        return data

    async def call(
        self, method: str, path: str, body: Any = None, status: int = 200
    ) -> dict[str, Any]:
        return dict(await self.world.call(method, path, status, token=self.ticket, json=body))


async def ticket(world: World, client: str, status: int = 201, **changes: Any) -> Any:
    """Ask the administrator for a receiver's ticket."""
    body = {"kind": "receiver", "client_fingerprint": client, **TERMS, **changes}
    return await world.admin("POST", "tickets", body, status)


async def technician(world: World, **changes: Any) -> Technician:
    """A technician with a ticket for a receiver of the world's bridge."""
    client = world.authority.ca.client("bridge").fingerprint()
    return Technician(world, (await ticket(world, client, **changes))["ticket"])
