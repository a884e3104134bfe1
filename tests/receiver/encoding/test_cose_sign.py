"""COSE_Sign: as cbor2 and OpenSSL spell it, and what parsing must refuse."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from receiver import reasons
from receiver.crypto import host
from receiver.crypto.job import finish
from receiver.encoding import cose, cose_sign
from receiver.errors import Error

PAYLOAD = b"payload"
SEEDS = {bytes((5, epoch)): bytes([epoch]) * 32 for epoch in (1, 2, 3)}


def built(*epochs: int, payload: bytes = PAYLOAD) -> bytes:
    def signer(kid: bytes) -> Any:
        return lambda message: finish(host.ed25519_sign_job(SEEDS[kid], message))

    kids = [bytes((5, epoch)) for epoch in epochs]
    return cose_sign.build(cose.FIRMWARE, b"", payload, [(kid, signer(kid)) for kid in kids])


def spelled(rows: list[Any], *, protected: object = b"", unprotected: object = None) -> bytes:
    body = [protected, {} if unprotected is None else unprotected, PAYLOAD, rows]
    return cbor2.dumps(body, canonical=True)


def row(kid: bytes = b"\5\1", signature: bytes = bytes(64), **header: object) -> list[Any]:
    protected = header.get("protected", cbor2.dumps({1: -19, 4: kid}, canonical=True))
    return [protected, header.get("unprotected", {}), signature]


def test_openssl_verifies_what_is_signed_as_rfc_9052_spells_it() -> None:
    body_protected, unprotected, payload, signers = cbor2.loads(built(1, 3))
    assert (body_protected, unprotected, payload) == (b"", {}, PAYLOAD)
    assert [cbor2.loads(signer[0]) for signer in signers] == [
        {1: -19, 4: b"\5\1"},
        {1: -19, 4: b"\5\3"},
    ]
    external = sha256(b"tillsign/1 firmware").digest()
    for protected, _, signature in signers:
        seed = SEEDS[cbor2.loads(protected)[4]]
        structure = cbor2.dumps(["Signature", b"", protected, external, PAYLOAD], canonical=True)
        Ed25519PublicKey.from_public_bytes(host.ed25519_public(seed)).verify(signature, structure)


def test_what_openssl_signs_is_read() -> None:
    protected = cbor2.dumps({1: -19, 4: b"\5\2"}, canonical=True)
    external = sha256(b"tillsign/1 firmware").digest()
    structure = cbor2.dumps(["Signature", b"", protected, external, PAYLOAD], canonical=True)
    signature = Ed25519PrivateKey.from_private_bytes(SEEDS[b"\5\2"]).sign(structure)
    found = cose_sign.parse(spelled([row(b"\5\2", signature)]), 2)
    assert found == cose_sign.Sign(PAYLOAD, (cose_sign.Signature(b"\5\2", signature),))
    assert cose_sign.to_be_signed(cose.FIRMWARE, b"", b"\5\2", PAYLOAD) == structure


def test_signers_are_in_the_order_of_their_kid() -> None:
    assert built(3, 1) == built(1, 3)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(cbor2.dumps([b"", {}, PAYLOAD]), id="three parts"),
        pytest.param(spelled([]), id="no signer"),
        pytest.param(spelled([row(bytes((5, n))) for n in range(9)]), id="nine signers"),
        pytest.param(spelled([row(), row()]), id="a signer twice"),
        pytest.param(spelled([row()], protected=b"\xa0"), id="header of the body"),
        pytest.param(spelled([row()], unprotected={1: -19}), id="unprotected header of the body"),
        pytest.param(spelled([row(unprotected={4: b"x"})]), id="unprotected header of a signer"),
        pytest.param(spelled([row(signature=bytes(63))]), id="short signature"),
        pytest.param(spelled([row(b"\5")]), id="short kid"),
        pytest.param(spelled([row(protected=cbor2.dumps({1: -9, 4: b"\5\1"}))]), id="algorithm"),
        pytest.param(spelled([row(protected=cbor2.dumps({1: -19}))]), id="no kid"),
        pytest.param(spelled([row()[:2]]), id="a signer of two parts"),
        pytest.param(built(1)[:-1], id="truncated"),
        pytest.param(built(1) + b"\0", id="trailing byte"),
    ],
)
def test_refused(data: bytes) -> None:
    with pytest.raises(Error) as caught:
        cose_sign.parse(data, 2)
    assert caught.value.code == reasons.MALFORMED
