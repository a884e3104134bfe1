"""Writes cose.json with cbor2 and OpenSSL, sharing nothing with the product."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEED = hashlib.sha256(b"tillsign test vector").digest()
ED25519 = Ed25519PrivateKey.from_private_bytes(SEED)
P256 = ec.derive_private_key(int.from_bytes(SEED, "big"), ec.SECP256R1())
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
DIGEST = hashlib.sha256(b"a context").digest()

Case = dict[str, Any]


def sign_p256(message: bytes) -> bytes:
    """r and s, s in the lower half; the same each time (RFC 6979)."""
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(P256.sign(message, algorithm))
    return r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")


ALGORITHMS: dict[int, Callable[[bytes], bytes]] = {-19: ED25519.sign, -9: sign_p256}


def message(kind: str, alg: int, kid: bytes, context: bytes, claims: Any) -> Case:
    """One message with every stage of its making."""
    protected = cbor2.dumps({1: alg, 4: kid} if kid else {1: alg})
    payload = cbor2.dumps(claims)
    external = hashlib.sha256(b"tillsign/1 " + kind.encode() + context).digest()
    structure = cbor2.dumps(["Signature1", protected, external, payload])
    signature = ALGORITHMS[alg](structure)
    return {
        "kind": kind,
        "alg": alg,
        "kid": kid.hex(),
        "context": context.hex(),
        "protected": protected.hex(),
        "payload": payload.hex(),
        "sig_structure": structure.hex(),
        "signature": signature.hex(),
        "message": cbor2.dumps([protected, {}, payload, signature]).hex(),
    }


def valid() -> list[Case]:
    claims = {1: 1, 2: 7, 3: 12900, -1: "Torget"}
    return [
        message("certificate", -19, bytes((1, 1)), b"", claims),
        message("offer", -19, bytes(range(8)), b"", claims),
        message("credential", -19, bytes((2, 1)), b"", {}),
        message("approval", -9, b"", DIGEST * 2 + bytes(32) + DIGEST, claims),
        message("approval", -19, b"", DIGEST * 2 + bytes(32) + DIGEST, claims),
        message("receipt", -19, bytes((3, 0)), DIGEST, {2: 0}),
        message("provisional", -19, bytes(range(8)), DIGEST, {2: 0}),
        message("state", -19, bytes((4, 255)), b"", {1: 2**32 - 1, 3: bytes(16)}),
        message("enrolment", -19, b"", b"", {1: bytes(300)}),
    ]


def invalid() -> list[Case]:
    """What parsing for Ed25519 with a two-byte kid must refuse."""
    header, kid, payload, signature = {1: -19, 4: b"\1\2"}, b"\1\2", b"\xa0", bytes(64)
    protected = cbor2.dumps(header)

    def whole(*parts: Any) -> bytes:
        return cbor2.dumps(list(parts))

    def headed(header: Any) -> bytes:
        return whole(cbor2.dumps(header), {}, payload, signature)

    good = whole(protected, {}, payload, signature)
    cases = {
        "nothing": b"",
        "tagged": b"\xd2" + good,
        "trailing byte": good + b"\0",
        "cut short": good[:-1],
        "three parts": whole(protected, {}, payload),
        "five parts": whole(protected, {}, payload, signature, 0),
        "a map": cbor2.dumps({0: protected, 1: {}, 2: payload, 3: signature}),
        "indefinite array": b"\x9f" + good[1:] + b"\xff",
        "header is a map": whole(header, {}, payload, signature),
        "header is text": whole("\0" * 7, {}, payload, signature),
        "unprotected header holds alg": whole(protected, {1: -19}, payload, signature),
        "unprotected header is an array": whole(protected, [], payload, signature),
        "unprotected header is false": whole(protected, False, payload, signature),
        "unprotected header is bytes": whole(protected, b"", payload, signature),
        "payload is a map": whole(protected, {}, {}, signature),
        "payload is text": whole(protected, {}, "", signature),
        "payload detached": whole(protected, {}, None, signature),
        "signature is text": whole(protected, {}, payload, "\0" * 64),
        "no signature": whole(protected, {}, payload, b""),
        "signature of 63 bytes": whole(protected, {}, payload, bytes(63)),
        "signature of 65 bytes": whole(protected, {}, payload, bytes(65)),
        "empty header": whole(b"", {}, payload, signature),
        "header is an empty map": headed({}),
        "no kid": headed({1: -19}),
        "no alg": headed({4: kid}),
        "EdDSA, the old number": headed({1: -8, 4: kid}),
        "ES256, the old number": headed({1: -7, 4: kid}),
        "ESP256": headed({1: -9, 4: kid}),
        "alg is text": headed({1: "Ed25519", 4: kid}),
        "kid of one byte": headed({1: -19, 4: b"\1"}),
        "kid of three bytes": headed({1: -19, 4: b"\1\2\3"}),
        "kid is text": headed({1: -19, 4: "ab"}),
        "kid before alg": headed({4: kid, 1: -19}),
        "alg and kid twice": whole(b"\xa3" + protected[1:] + protected[3:], {}, payload, signature),
        "crit": headed({1: -19, 2: [1], 4: kid}),
        "content type": headed({1: -19, 3: 60, 4: kid}),
        "header with a trailing byte": whole(protected + b"\0", {}, payload, signature),
        "header in a long form": whole(b"\xb8\2" + protected[1:], {}, payload, signature),
    }
    return [{"why": why, "message": data.hex()} for why, data in cases.items()]


def main() -> None:
    """One case a line, so that a change can be read."""
    p256 = P256.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    keys = {
        "seed": SEED.hex(),
        "ed25519": ED25519.public_key().public_bytes_raw().hex(),
        "p256": p256.hex(),
    }
    parts = [f'"keys": {json.dumps(keys)}']
    for title, cases in (("valid", valid()), ("invalid", invalid())):
        lines = ",\n".join("  " + json.dumps(case) for case in cases)
        parts.append(f'"{title}": [\n{lines}\n]')
    Path(__file__).with_name("cose.json").write_text("{" + ",\n".join(parts) + "}\n")


if __name__ == "__main__":
    main()
