"""Certificates that have lived half of their lives: fetched, checked, written, used."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from msgspec.structs import replace

from bridge.authority.client import AuthorityClient
from bridge.daemon import certificate_renewal, key_files
from bridge.daemon.certificate_renewal import Renewing
from receiver.link import wire
from receiver.protocol import messages, signed
from simulator.authority.accounts import bindings, receivers
from simulator.crypto.pki import Span
from tests.support.shop.authority_line import answer, scripted, to
from tests.support.shop.till import World
from tests.support.values import evidence

pytestmark = pytest.mark.processes

DAY = 24 * 3600
AGED = Span(timedelta(days=-200), timedelta(days=165))


def value_of(data: bytes) -> messages.Certificate:
    value: messages.Certificate = signed.parse(messages.CERTIFICATE, data).value
    return value


def age(world: World) -> bytes:
    """Let the receiver have a certificate of 200 days ago, everywhere; return it."""
    [row] = world.config.receivers
    value = value_of(row.certificate.read_bytes())
    office, issued = world.authority.office, int(time.time()) - 200 * DAY
    old = value._replace(issued=issued, expires=issued + receivers.CERTIFICATE_LIFE_S)
    data = receivers.enrol(office.store, office.keys, old, world.client.fingerprint())
    row.certificate.write_bytes(data)
    world.device.certificate = world.buyer.certificate = data
    return data


def let_the_client_age(world: World) -> Path:
    """Let the bridge have a certificate of 200 days ago; return its file."""
    client = world.authority.ca.client("aged", AGED)
    store = world.authority.office.store
    store.run("UPDATE bindings SET client = ? WHERE until IS NULL", client.fingerprint())
    authority = replace(world.config.authority, certificate=client.certificate, key=client.key)
    world.config = replace(world.config, authority=authority)
    return client.certificate


async def look(world: World) -> None:
    async with key_files.client(world.config.authority) as client:
        await Renewing(world.config, client).look()


async def test_a_running_bridge_renews_its_receiver(stopped: World) -> None:
    """In the middle of a sale, which ends as it began; the next one is under the new one."""
    old = age(stopped)
    [row] = stopped.config.receivers
    async with stopped.bridge():
        assert (await stopped.device.heard(wire.CERTIFICATE)).data == old
        await stopped.ring_up()
        await look(stopped)
        fresh = row.certificate.read_bytes()
        assert fresh != old
        assert stopped.daemon._renewal
        await stopped.daemon._renewal.look(anew=True)
        await stopped.goes_through()
        await stopped.decide("paid")
        assert (await stopped.device.heard(wire.CERTIFICATE)).data == fresh
        stopped.device.certificate = stopped.buyer.certificate = fresh
        await stopped.posted("sale-of-the-next-buyer")
    assert value_of(fresh).expires > value_of(old).expires
    assert list(row.certificate.parent.glob("*.new")) == []


async def test_a_bridge_begins_by_itself(stopped: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And looks again and again."""
    monkeypatch.setattr(certificate_renewal, "LOOK_S", 0.01)
    age(stopped)
    place = let_the_client_age(stopped)
    old = place.read_bytes(), stopped.config.receivers[0].certificate.read_bytes()
    async with stopped.bridge():
        await stopped.posted()
        renewing = stopped.daemon.renewing
        await renewing.looked()
        await renewing.looked()
        new = place.read_bytes(), stopped.config.receivers[0].certificate.read_bytes()
        assert [one != other for one, other in zip(old, new, strict=True)] == [True, True]


async def test_a_client_certificate_is_renewed_for_its_key(stopped: World) -> None:
    place = let_the_client_age(stopped)
    old = x509.load_pem_x509_certificate(place.read_bytes())
    await look(stopped)
    new = x509.load_pem_x509_certificate(place.read_bytes())
    assert new.public_key() == old.public_key()
    assert new.not_valid_after_utc > old.not_valid_after_utc + timedelta(days=100)
    async with stopped.bridge():
        await stopped.posted()
    before = place.read_bytes()
    await look(stopped)
    assert place.read_bytes() == before, "it is young"


async def test_what_stands_behind_the_certificate_stays(stopped: World) -> None:
    """One file with a chain, or with the key, is as good."""
    place = let_the_client_age(stopped)
    ca = stopped.authority.ca.certificate.read_bytes()
    place.write_bytes(place.read_bytes() + ca)
    await look(stopped)
    assert place.read_bytes().endswith(ca)
    assert len(x509.load_pem_x509_certificates(place.read_bytes())) == 2


async def test_young_certificates_are_left_alone(stopped: World) -> None:
    files = (stopped.config.receivers[0].certificate, stopped.config.authority.certificate)
    before = [file.read_bytes() for file in files]
    await look(stopped)
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize(
    "changes",
    [{"receiver_id": b"anyother"}, {"store_name": "Elsewhere"}, {"invoice_issuer": 99}],
)
async def test_a_certificate_with_other_terms_is_not_written(
    stopped: World, changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    old = age(stopped)
    keys = stopped.authority.office.keys
    wrong = keys.certificate(value_of(old)._replace(expires=int(time.time()) + 2 * DAY, **changes))
    await answered(stopped, wrong)
    assert stopped.config.receivers[0].certificate.read_bytes() == old
    assert "certificate not renewed" in caplog.messages


async def test_a_certificate_of_another_authority_is_not_written(
    stopped: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = age(stopped)
    keys = type(stopped.authority.office.keys)(tmp_path / "foreign-keys.json")
    await answered(stopped, keys.certificate(value_of(old)._replace(expires=2**31)))
    assert stopped.config.receivers[0].certificate.read_bytes() == old
    assert "certificate not renewed" in caplog.messages


async def test_an_authority_that_is_away_or_refuses(
    stopped: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    old = age(stopped)
    await stopped.authority.stop()
    await look(stopped)
    await stopped.authority.start()
    store = stopped.authority.office.store
    bindings.end(store, evidence.RECEIVER_ID, int(time.time()))
    await look(stopped)
    assert stopped.config.receivers[0].certificate.read_bytes() == old
    assert "certificate not renewed yet" in caplog.messages
    assert "certificate not renewed" in caplog.messages


async def answered(world: World, certificate: bytes) -> None:
    """Let the bridge look once at an authority that gives this certificate."""
    body = b'{"certificate":"' + certificate.hex().encode() + b'"}'
    async with scripted(lambda head: answer(body, "application/json"), world.authority.ca) as line:
        config = to(line.port, world.authority.ca)
        async with AuthorityClient(config) as client:
            await Renewing(world.config, client).look()
