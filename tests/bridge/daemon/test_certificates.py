"""Certificates, keys and token that change on disk while sales go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from msgspec.structs import replace

from bridge.authority.client import AuthorityClient, UnansweredError
from bridge.authority.no_answer import Cause
from bridge.config.configuration import ConfigError, Listen, Tls
from bridge.daemon import key_files
from receiver.link import wire
from receiver.protocol import messages, signed
from simulator.authority.accounts import receivers
from simulator.crypto import pki
from simulator.crypto.pki import DemoCa, Identity, Span
from tests.bridge.observability.test_metrics import scrape
from tests.support.bridge.device import PATIENCE_S
from tests.support.shop.authority_line import answer, in_the_middle, scripted, to
from tests.support.shop.till import RECEIVER, SALE, TILL, World
from tests.support.values import evidence

pytestmark = pytest.mark.processes

NEXT = "sale-of-the-next-buyer"
DAY = timedelta(days=1)
SOON = Span(-DAY, DAY)


def put(new: Path, old: Path) -> None:
    """In the other's place, as a whole and for its owner alone."""
    pki.write_private(old, new.read_bytes())


def bind(world: World, client: Identity) -> None:
    """The authority takes this client's word for the receiver, and no other's any longer."""
    store = world.authority.office.store
    store.run("UPDATE bindings SET client = ? WHERE until IS NULL", client.fingerprint())


async def renewed(world: World) -> None:
    """As SIGHUP has it done."""
    renewal = world.daemon._renewal
    assert renewal
    await renewal.look(anew=True)


async def warnings(world: World) -> list[str]:
    """What the till is warned of."""
    said: list[str] = (await world.call("GET", "/healthz"))[1]["warnings"]
    return said


async def test_a_client_certificate_renewed_while_the_old_is_withdrawn(stopped: World) -> None:
    """In the middle of a sale."""
    ours, other = stopped.config.authority, stopped.authority.ca.client("renewed")
    async with stopped.bridge():
        await stopped.posted()
        await stopped.ring_up(NEXT)
        bind(stopped, other)
        await stopped.pay()
        assert (await stopped.sale(NEXT))["state"] == "unknown"
        put(other.certificate, ours.certificate)
        await renewed(stopped)
        [said] = await warnings(stopped)
        assert "key values mismatch" in said.lower()
        put(other.key, ours.key)
        await renewed(stopped)
        assert await warnings(stopped) == []
        assert (await stopped.sale(NEXT))["state"] == "approved"
        await stopped.ended("paid", NEXT)


async def test_a_change_of_ca_with_two_roots(tmp_path: Path) -> None:
    old, new = DemoCa(tmp_path / "old"), DemoCa(tmp_path / "new")
    roots = tmp_path / "roots.pem"
    roots.write_bytes(old.certificate.read_bytes())
    async with (
        scripted(lambda head: answer(b"old"), old) as before,
        scripted(lambda head: answer(b"new"), old, new.server()) as after,
        in_the_middle(before.port) as middle,
    ):
        config = replace(to(middle.port, old), ca=roots)
        async with AuthorityClient(config) as client:
            paper = key_files.of_authority(config, client)
            assert await client.authorise(b"") == b"old"
            middle.to = after.port
            middle.cut()
            with pytest.raises(UnansweredError):
                await client.authorise(b"")
            with pytest.raises(UnansweredError) as caught:
                await client.authorise(b"")
            assert caught.value.cause is Cause.OTHER_CA
            roots.write_bytes(old.certificate.read_bytes() + new.certificate.read_bytes())
            paper.read().use()
            assert await client.authorise(b"") == b"new"
            middle.to = before.port  # and back: both are taken
            middle.cut()
            with pytest.raises(UnansweredError):
                await client.authorise(b"")
            assert await client.authorise(b"") == b"old"


async def test_a_receivers_certificate_renewed_in_the_middle_of_a_sale(stopped: World) -> None:
    path, office = stopped.config.receivers[0].certificate, stopped.authority.office
    value: messages.Certificate = signed.parse(messages.CERTIFICATE, path.read_bytes()).value
    later = value._replace(expires=value.expires + 5)
    fresh = office.keys.certificate(later)
    async with stopped.bridge():
        await stopped.device.heard(wire.CERTIFICATE)
        await stopped.ring_up()
        path.write_bytes(fresh)
        await renewed(stopped)
        await stopped.goes_through()
        await stopped.decide("paid")
        assert (await stopped.device.heard(wire.CERTIFICATE)).data == fresh
        receivers.enrol(office.store, office.keys, later, stopped.client.fingerprint())
        stopped.device.certificate = stopped.buyer.certificate = fresh
        await stopped.posted(NEXT)


async def test_another_receivers_certificate_is_kept_out(stopped: World) -> None:
    path = stopped.config.receivers[0].certificate
    good = path.read_bytes()
    async with stopped.bridge():
        path.write_bytes(
            evidence.certificate(
                stopped.authority.office.keys, RECEIVER, 1, receiver_id=b"anyother"
            )
        )
        await renewed(stopped)
        [said] = await warnings(stopped)
        assert "another receiver" in said
        await stopped.posted()
    path.write_bytes(good)


async def test_pins_that_cannot_be_read_keep_the_old_ones(stopped: World) -> None:
    good = stopped.config.pins.read_bytes()
    async with stopped.bridge():
        stopped.config.pins.write_bytes(good[: len(good) // 2])
        await renewed(stopped)
        assert len(await warnings(stopped)) == 2  # for receipts, and for the receiver's certificate
        await stopped.posted()


# Towards tills.


async def test_another_token(stopped: World) -> None:
    """A till that waits is not cut off; the next request bears the new one."""
    path = stopped.config.journal.with_name("token")
    pki.write_private(path, b"o" * 40)
    stopped.config = replace(stopped.config, listen=replace(stopped.config.listen, token=path))
    old, new = ({"Authorization": "Bearer " + letter * 40} for letter in "on")
    async with stopped.bridge():
        await stopped.call("GET", "/healthz", headers=old)
        body = {"sale_id": SALE, "amount": 1, "currency": "SEK"}
        assert (await stopped.call("POST", "/v1/sales", json=body, headers=old))[0] == 201
        url = f"/v1/sales/{SALE}?wait={PATIENCE_S:g}"
        waiting = asyncio.create_task(stopped.call("GET", url, headers=old))
        while not stopped.daemon.guard._polls:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        pki.write_private(path, b"n" * 40)
        await renewed(stopped)
        assert (await stopped.call("GET", "/healthz", headers=old))[0] == 401
        assert (await stopped.call("POST", f"/v1/sales/{SALE}/abort", headers=new))[0] == 200
        status, sale = await waiting
        assert (status, sale["state"]) == (200, "cancelled")


@asynccontextmanager
async def connected(url: str, ca: DemoCa, name: str | None) -> AsyncIterator[int]:
    """The serial number of the certificate that is shown, and the connection open."""
    context = pki.client_context(ca.certificate)
    port = int(url.rpartition(":")[2])
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context, server_hostname=name or "127.0.0.1"
    )
    shown = writer.get_extra_info("ssl_object").getpeercert()
    try:
        yield int(shown["serialNumber"], 16)
    finally:
        writer.close()


@pytest.mark.parametrize("name", [None, "localhost"])
async def test_another_certificate_towards_tills(name: str | None, stopped: World) -> None:
    """For connections to come, also from tills that call by an address."""
    ca = DemoCa(stopped.config.journal.parent / "till")
    one, other = ca.server("one"), ca.server("other", span=Span(-DAY, 60 * DAY))
    listen = Listen("127.0.0.1", 0, Tls(one.certificate, one.key))
    stopped.config = replace(stopped.config, listen=listen)
    async with stopped.bridge():
        url = stopped.daemon.till_url
        connector = aiohttp.TCPConnector(ssl=pki.client_context(ca.certificate))
        async with aiohttp.ClientSession(url, connector=connector) as till:
            async with connected(url, ca, name) as before, till.get("/healthz") as response:
                assert response.status == 200
            put(other.certificate, one.certificate)
            await renewed(stopped)
            async with connected(url, ca, name) as between:
                assert between == before  # its key is still to come
            put(other.key, one.key)
            await renewed(stopped)
            async with connected(url, ca, name) as after:
                assert after != before
            async with till.get("/healthz") as response:  # on the connection that it has
                assert (await response.json())["warnings"] == []
            assert connector._conns


# What ends soon.


async def test_what_ends_soon_is_said(stopped: World, caplog: pytest.LogCaptureFixture) -> None:
    client = stopped.authority.ca.client("soon", SOON)
    bind(stopped, client)
    authority = replace(stopped.config.authority, certificate=client.certificate, key=client.key)
    stopped.config = replace(stopped.config, authority=authority)
    found = await stopped.checked()  # before the bridge has it renewed
    async with stopped.bridge():
        ending = [it.partition(" ends on ")[0] for it in await warnings(stopped)]
        assert ending == ["[authority] certificate"]
        seen = {
            name.removeprefix("tillsign_certificate_expires_seconds "): value
            for name, value in (await scrape(stopped)).items()
            if name.startswith("tillsign_certificate_expires_seconds")
        }
    assert set(seen) == {" client", " authority_ca", f"{TILL} receiver"}
    assert seen[" client"] == pytest.approx(86_400, abs=60)
    assert "certificate ends soon" in caplog.messages
    assert found["client certificate"].detail.startswith("ends on")
    assert found["authority's CA"].ok


def test_keys_that_ask_for_a_password(tmp_path: Path) -> None:
    """No terminal is asked: the file cannot be used, and that is said."""
    from cryptography.hazmat.primitives import serialization

    ca = DemoCa(tmp_path)
    client = ca.client("bridge")
    key = serialization.load_pem_private_key(client.key.read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    pki.write_private(client.key, locked)
    with pytest.raises(ConfigError, match=r"\[authority\]"):
        key_files.tls(to(1, ca))
