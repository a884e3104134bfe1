"""X25519 on every vector there is: our corners, RFC 7748 and Wycheproof."""

from __future__ import annotations

import pytest

from receiver.crypto import host
from receiver.crypto.interface import Crypto
from tests.receiver.crypto.back_ends import both_at_length, load, parts, x25519, x25519_public

BASE = b"\x09" + bytes(31)


@both_at_length
def test_public_keys(crypto: Crypto) -> None:
    for case in load("x25519.json")["public"]:
        private, public = parts(case, "private", "public")
        assert x25519_public(crypto, private) == public
        assert x25519(crypto, private, BASE) == public


@both_at_length
@pytest.mark.parametrize("name", ["x25519.json", "wycheproof_x25519.json"])
def test_shared_secrets(crypto: Crypto, name: str) -> None:
    for case in load(name)["shared"]:
        private, public = parts(case, "private", "public")
        secret = x25519(crypto, private, public)
        assert (secret.hex() if secret else None) == case["shared"], case["name"]


@pytest.mark.parametrize(
    ("turns", "result"),
    [
        (1, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"),
        (1000, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"),
    ],
)
def test_turn_upon_turn(turns: int, result: str) -> None:
    """RFC 7748 §5.2; on the host, as the other takes its time."""
    scalar, u = BASE, BASE
    for _ in range(turns):
        scalar, u = x25519(host, scalar, u) or b"", scalar
    assert scalar.hex() == result
