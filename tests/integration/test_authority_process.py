"""The authority as a process that may be killed at any moment."""

from __future__ import annotations

import signal
import urllib.error
from pathlib import Path

import pytest

from receiver import messages, signed
from receiver.crypto import host
from simulator import pki
from simulator.authority.process import AuthorityProcess
from simulator.phone import authority as app
from simulator.phone.buyer import DEMO_CODE
from tests import evidence
from tests.conftest import PlaceOf


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_what_was_acknowledged_outlives_the_process(
    tmp_path: Path, place_of: PlaceOf, how: signal.Signals
) -> None:
    place = place_of(tmp_path)
    async with AuthorityProcess(tmp_path, place if isinstance(place, str) else None) as authority:
        url, token = authority.url, authority.admin_token
        demo = authority.seed_demo()
        client = pki.DemoCa(tmp_path / "tls").client("bridge")
        data = authority.enrol_receiver(
            host.ed25519_public(evidence.seed("receiver")),
            receiver_id=evidence.RECEIVER_ID,
            store=1,
            store_name="Store",
            invoice_issuer=7,
            currency=evidence.SEK,
            client_fingerprint=client.fingerprint(),
        )
        kept = signed.from_authority(messages.CERTIFICATE, data, authority.pins, host)
        assert kept.store_name == "Store"
        await authority.stop(how)
        await authority.start()
        assert (authority.url, authority.admin_token) == (url, token)
        limits = authority.admin("GET", f"receivers/{evidence.RECEIVER_ID.hex()}")
        assert set(limits.values()) == {0}
        word = authority.activation(demo.buyers[0].id)
        wallet = await app.enrol(authority.url, authority.ca.certificate, word, DEMO_CODE)
        assert [one.id for one in wallet.recipients] == demo.recipients
        with pytest.raises(urllib.error.HTTPError, match="404"):
            authority.admin("GET", "buyers/99")


async def test_a_process_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "authority.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(RuntimeError, match="not a database"):
        async with AuthorityProcess(tmp_path):
            pass
