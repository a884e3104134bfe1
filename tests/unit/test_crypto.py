"""Both back ends on the shared vectors, and against each other on random input."""

from __future__ import annotations

import json
from hashlib import sha512
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.crypto import Crypto, host, portable

VECTORS = Path(__file__).parents[1] / "vectors"
ED25519 = json.loads((VECTORS / "ed25519.json").read_text())
SHA512 = json.loads((VECTORS / "sha512.json").read_text())
SEED = bytes(range(32))

unhex = bytes.fromhex
seeds = st.binary(min_size=32, max_size=32)
few = settings(max_examples=30, deadline=None)


@pytest.fixture(params=[host, portable], ids=["host", "portable"])
def crypto(request: pytest.FixtureRequest) -> Crypto:
    back_end: Crypto = request.param
    return back_end


@pytest.mark.parametrize("case", SHA512["digests"], ids=lambda case: str(len(case["message"]) // 2))
def test_sha512(crypto: Crypto, case: dict[str, str]) -> None:
    assert crypto.sha512(unhex(case["message"])).hex() == case["digest"]


@pytest.mark.parametrize("case", ED25519["sign"], ids=lambda case: str(len(case["message"]) // 2))
def test_sign(crypto: Crypto, case: dict[str, str]) -> None:
    seed, message = unhex(case["seed"]), unhex(case["message"])
    assert crypto.ed25519_public(seed).hex() == case["public"]
    assert crypto.ed25519_sign(seed, message).hex() == case["signature"]
    assert crypto.ed25519_verify(unhex(case["public"]), message, unhex(case["signature"]))


@pytest.mark.parametrize("case", ED25519["verify"], ids=lambda case: case["name"])
def test_verify(crypto: Crypto, case: dict[str, Any]) -> None:
    public, message, signature = (unhex(case[f]) for f in ("public", "message", "signature"))
    assert crypto.ed25519_verify(public, message, signature) is case["valid"]


def test_every_flipped_bit_is_refused() -> None:
    message = b"till 7"
    public, signature = host.ed25519_public(SEED), host.ed25519_sign(SEED, message)
    whole = public + message + signature
    for bit in range(0, len(whole) * 8, 5):
        spoilt = bytearray(whole)
        spoilt[bit >> 3] ^= 1 << (bit & 7)
        parts = bytes(spoilt[:32]), bytes(spoilt[32:38]), bytes(spoilt[38:])
        assert not host.ed25519_verify(*parts)
        assert not portable.ed25519_verify(*parts)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_seed_of_wrong_size_is_our_mistake(crypto: Crypto, size: int) -> None:
    with pytest.raises(ValueError, match="32"):
        crypto.ed25519_public(bytes(size))
    with pytest.raises(ValueError, match="32"):
        crypto.ed25519_sign(bytes(size), b"")


@few
@given(st.binary(max_size=600))
def test_sha512_agrees(data: bytes) -> None:
    assert portable.sha512(data) == host.sha512(data) == sha512(data).digest()


@few
@given(seeds, st.binary(max_size=300))
def test_signatures_agree(seed: bytes, message: bytes) -> None:
    public, signature = host.ed25519_public(seed), host.ed25519_sign(seed, message)
    assert portable.ed25519_public(seed) == public
    assert portable.ed25519_sign(seed, message) == signature
    assert portable.ed25519_verify(public, message, signature)


@few
@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=80))
def test_nothing_raises(public: bytes, message: bytes, signature: bytes) -> None:
    assert not host.ed25519_verify(public, message, signature)
    assert not portable.ed25519_verify(public, message, signature)


@few
@given(seeds, seeds)
def test_random_keys_and_r(public: bytes, r: bytes) -> None:
    """Half of all 32-byte strings are no point at all; the two agree about each."""
    signature = r + bytes(31) + b"\x10"
    expected = host.ed25519_verify(public, b"", signature)
    assert portable.ed25519_verify(public, b"", signature) is expected
