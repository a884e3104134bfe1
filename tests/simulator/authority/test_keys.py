"""The authority's own keys, the code proof, and the demo TLS certificates."""

from __future__ import annotations

import hmac
import ssl
import stat
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDH, SECP256R1, derive_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from receiver.crypto import host
from receiver.protocol import messages, signed
from receiver.reasons import UNKNOWN_ISSUER
from simulator.authority.keys import ROLES, Keys
from simulator.crypto import code_proof, pki
from simulator.crypto.p256 import p256_public
from tests.support.values import evidence
from tests.support.values.refusals import refused_as

PHONE = evidence.seed("phone")
AUTHORITY = evidence.seed("authority")
KEYS = (PHONE, AUTHORITY)
CONTEXT = bytes(range(96))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_last_and_are_private(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    first, second = Keys(path), Keys(path)
    assert first.pins() == second.pins()
    assert first.code_public == second.code_public
    assert mode(path) == 0o600
    assert {kid[0] for kid in first.pins()} == set(ROLES)
    assert len(set(first.pins().values())) == len(ROLES)


def test_every_message_is_signed_in_its_role(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys.json")
    data = keys.state(3, evidence.RECEIVER_ID, bytes(16), 1_800_000_000)
    assert signed.from_authority(messages.STATE, data, keys.pins(), host).version == 3
    foreign = {kid: key for kid, key in keys.pins().items() if kid[0] != signed.ROLE_STATE}
    with refused_as(UNKNOWN_ISSUER):
        signed.from_authority(messages.STATE, data, foreign, host)


def test_both_sides_find_the_same_k() -> None:
    ours = code_proof.code_key(AUTHORITY, p256_public(PHONE), "123456")
    assert ours == code_proof.code_key(PHONE, p256_public(AUTHORITY), "123456")
    assert ours != code_proof.code_key(PHONE, p256_public(AUTHORITY), "123457")
    assert code_proof.holds(ours, CONTEXT, code_proof.prove(ours, CONTEXT))
    assert not code_proof.holds(ours, CONTEXT + b"\0", code_proof.prove(ours, CONTEXT))
    assert not code_proof.holds(bytes(32), CONTEXT, code_proof.prove(ours, CONTEXT))


def test_k_is_hkdf_and_the_proof_is_hmac() -> None:
    """Spelled out by RFC 5869: extract with an empty salt, one block of expand."""
    phone, authority = (derive_private_key(int.from_bytes(d, "big"), SECP256R1()) for d in KEYS)
    shared = phone.exchange(ECDH(), authority.public_key())
    extracted = hmac.digest(bytes(32), shared, sha256)
    k = hmac.digest(extracted, b"tillsign/1 code123456\x01", sha256)
    assert code_proof.code_key(PHONE, p256_public(AUTHORITY), "123456") == k
    assert code_proof.prove(k, CONTEXT) == hmac.digest(k, CONTEXT, sha256)[:16]


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "１２３４５６", "-12345"])
def test_code_has_six_digits(code: str) -> None:
    with pytest.raises(ValueError, match="six digits"):
        code_proof.code_key(PHONE, p256_public(AUTHORITY), code)


def test_useless_key_is_refused() -> None:
    for useless in (bytes(32), bytes(33), b"\2" + b"\xff" * 32):
        with pytest.raises(ValueError, match=r"key|point"):
            code_proof.code_key(PHONE, useless, "123456")


def test_tls_files_are_private_and_last(tmp_path: Path) -> None:
    ca = pki.DemoCa(tmp_path / "tls")
    client = ca.client("bridge")
    ca.server()
    assert {mode(path) for path in (tmp_path / "tls").iterdir()} == {0o600}
    again = pki.DemoCa(tmp_path / "tls")
    assert again.client("bridge").fingerprint() == client.fingerprint()
    assert again.client("other").fingerprint() != client.fingerprint()


def test_tls_certificates_say_what_they_are_for(tmp_path: Path) -> None:
    ca = pki.DemoCa(tmp_path)
    for identity, usage in (
        (ca.server(), ExtendedKeyUsageOID.SERVER_AUTH),
        (ca.client("bridge"), ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        certificate = x509.load_pem_x509_certificate(identity.certificate.read_bytes())
        extensions = certificate.extensions
        assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [usage]
        assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        issuer = x509.load_pem_x509_certificate(ca.certificate.read_bytes())
        certificate.verify_directly_issued_by(issuer)
    names = x509.load_pem_x509_certificate(ca.server().certificate.read_bytes())
    san = names.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.DNSName) == ["localhost"]
    assert list(map(str, san.get_values_for_type(x509.IPAddress))) == ["127.0.0.1", "::1"]


@pytest.mark.parametrize("named", [True, False])
def test_handshake_with_and_without_a_client(tmp_path: Path, named: bool) -> None:
    ca = pki.DemoCa(tmp_path)
    identity = ca.client("bridge") if named else None
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server_context = pki.server_context(ca.certificate, ca.server())
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client_context = pki.client_context(ca.certificate, identity)
    client = client_context.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    unfinished = [client, server]
    for _ in range(4):
        unfinished = [one for one in unfinished if not _handshakes(one)]
    assert not unfinished
    shown = server.getpeercert(binary_form=True)
    assert (pki.fingerprint(shown) if shown else None) == (
        identity.fingerprint() if identity else None
    )


def _handshakes(one: ssl.SSLObject) -> bool:
    try:
        one.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True
