"""Certificates that a bridge renews by itself, from half of their lives on."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from receiver import reasons
from receiver.link.wire import NONCE_SIZE
from simulator.authority.accounts import receivers
from simulator.authority.accounts.receivers import RENEWAL_GRACE_S
from simulator.crypto import pki
from simulator.crypto.pki import Identity, Span
from tests.support.shop.authority import World, enrol, session_as, speaking_as
from tests.support.values import evidence

DAY = 24 * 3600
HALF = receivers.CERTIFICATE_LIFE_S // 2
RECEIVER = f"/v1/receivers/{evidence.RECEIVER_ID.hex()}/certificate"
CLIENT = "/v1/client-certificate"


async def posted(world: World, path: str, body: Any, status: int = 200) -> dict[str, Any]:
    async with world.bridge.post(path, json=body) as answer:
        assert answer.status == status, await answer.text()
        return dict(await answer.json(content_type=None))


async def renewed(world: World) -> bytes:
    return bytes.fromhex((await posted(world, RECEIVER, {}))["certificate"])


async def test_a_receivers_certificate_is_renewed_at_half_life(world: World) -> None:
    world.clock.shift = HALF - DAY
    assert await renewed(world) == world.certificate
    world.clock.shift = HALF + DAY
    fresh = await renewed(world)
    assert fresh != world.certificate
    assert await renewed(world) == fresh, "an answer that was lost"
    old, new = receivers.value_of(world.certificate), receivers.value_of(fresh)
    assert new == old._replace(issued=new.issued, expires=new.expires)
    assert new.issued - old.issued >= HALF


async def test_sales_go_on_under_the_old_one_for_a_day(world: World) -> None:
    world.clock.shift = HALF + DAY
    fresh = await renewed(world)
    world.now += HALF + DAY
    [world.credential] = await world.credentials(world.demo.recipients[0])
    assert (await world.buy()).reason == reasons.OK
    old, world.certificate = world.certificate, fresh
    assert (await world.buy()).reason == reasons.OK
    world.clock.shift += RENEWAL_GRACE_S + 1
    world.now += RENEWAL_GRACE_S + 1
    assert (await world.buy()).reason == reasons.OK
    world.certificate = old
    assert await world.refusal(world.new_record()) == (422, "wrong_receiver")


async def test_a_revoked_receiver_has_no_day_left(world: World) -> None:
    world.clock.shift = HALF + DAY
    await renewed(world)
    world.now += HALF + DAY
    [world.credential] = await world.credentials(world.demo.recipients[0])
    await world.admin("POST", f"receivers/{evidence.RECEIVER_ID.hex()}/revocation", {})
    assert await world.refusal(world.new_record()) == (422, "wrong_receiver")
    await posted(world, RECEIVER, {}, 403)


async def test_only_the_receivers_bridge_renews_it(world: World) -> None:
    async with speaking_as(world, "other"):
        await posted(world, RECEIVER, {}, 403)


# Client certificates


LIFE = Span(timedelta(days=-200), timedelta(days=165))  # more than half of it is over


@asynccontextmanager
async def aged(world: World) -> AsyncIterator[Identity]:
    """Let a bridge whose certificate is to be renewed speak for the receiver."""
    identity = world.authority.ca.client("aged", LIFE)
    enrol(world.authority, identity)
    async with speaking_as(world, "aged"):
        yield identity


def request_by(identity: Identity) -> dict[str, str]:
    key = serialization.load_pem_private_key(identity.key.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return {"request": _csr(key)}


def _csr(key: ec.EllipticCurvePrivateKey) -> str:
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER).hex()


async def test_a_client_certificate_is_renewed_at_half_life(world: World) -> None:
    state = {"receiver_id": evidence.RECEIVER_ID.hex(), "nonce": "00" * NONCE_SIZE}
    async with aged(world) as identity:
        asked = request_by(identity)
        fresh = bytes.fromhex((await posted(world, CLIENT, asked))["certificate"])
        again = await posted(world, CLIENT, asked)
        assert again == {"certificate": fresh.hex()}, "an answer that was lost"
        path = identity.certificate.with_name("fresh.pem")
        path.write_text(ssl.DER_cert_to_PEM_cert(fresh))
        async with session_as(world.authority, Identity(path, identity.key)) as session:
            async with session.post("/v1/states", json=state) as answer:
                assert answer.status == 200, "the same client"
            async with session.post(CLIENT, json=asked) as answer:
                assert (await answer.json(content_type=None))["reason"] == "too_early"
        async with world.bridge.post("/v1/states", json=state) as answer:
            assert answer.status == 200, "the old one serves to its end"
    [row] = (await world.admin("GET", "receivers"))["receivers"]
    assert row["client_fingerprint"] == pki.fingerprint(fresh), "the newest stands for it"


async def test_a_young_certificate_is_not_renewed(world: World) -> None:
    asked = request_by(world.authority.ca.client("bridge"))
    assert (await posted(world, CLIENT, asked, 409))["reason"] == "too_early"


async def test_a_renewal_keeps_the_key(world: World) -> None:
    async with aged(world):
        for curve in (ec.SECP256R1(), ec.SECP384R1()):
            other = {"request": _csr(ec.generate_private_key(curve))}
            assert (await posted(world, CLIENT, other, 422))["reason"] == "request_invalid"


async def test_a_replaced_certificate_renews_nothing(world: World) -> None:
    """The administrator's replacement ends every certificate that the client had."""
    async with aged(world) as identity:
        await posted(world, CLIENT, request_by(identity))
        other = world.authority.ca.client("other").fingerprint()
        path = f"clients/{identity.fingerprint()}/renewal"
        await world.admin("POST", path, {"client_fingerprint": other})
        await posted(world, CLIENT, request_by(identity), 403)
    sql = "SELECT count(*) FROM clients WHERE until IS NULL"
    assert world.authority.office.store.number(sql) == 1
