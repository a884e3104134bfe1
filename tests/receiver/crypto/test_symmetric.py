"""SHA-512, ChaCha20-Poly1305, HMAC and HKDF of the device: published vectors, edges, libraries."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.crypto import chacha, hkdf
from receiver.crypto.sha512 import sha512
from receiver.crypto.twins import chacha20 as twin
from tests.receiver.crypto.back_ends import Case, pairs, unhex
from tests.support.values.vectors import load, parts

VECTORS = load("chacha20poly1305.json")
KEY, NONCE = bytes(range(32)), bytes(range(12))

few = settings(max_examples=40, deadline=None)


def test_sha512_of_nist() -> None:
    """The first of the long messages; the short ones are in sha512.json."""
    cases = [case for case in pairs("hashes/SHA2/SHA512LongMsg.rsp") if "MD" in case]
    assert len(cases) > 100
    for case in cases[:40]:
        assert sha512(unhex(case["Msg"])).hex() == case["MD"]


def test_sha512_over_and_over() -> None:
    """The first of NIST's Monte Carlo chains: a thousand digests, each of the last three."""
    cases = list(pairs("hashes/SHA2/SHA512Monte.rsp"))
    (seed,) = (unhex(case["Seed"]) for case in cases if "Seed" in case)
    last = [seed] * 3
    for _ in range(1000):
        last = [*last[1:], sha512(b"".join(last))]
    assert last[2].hex() == next(case["MD"] for case in cases if case.get("COUNT") == "0")


def test_sha512_of_every_length() -> None:
    for size in range(260):
        data = bytes(i * 5 % 256 for i in range(size))
        assert sha512(data) == hashlib.sha512(data).digest()


# ChaCha20-Poly1305


@pytest.mark.parametrize("case", VECTORS["chacha20"], ids=lambda case: str(len(case["in"]) // 2))
def test_chacha20(case: Case) -> None:
    key, nonce, before, after = parts(case, "key", "nonce", "in", "out")
    state = bytearray(b"expand 32-byte k" + key + case["counter"].to_bytes(4, "little") + nonce)
    data = bytearray(16) + before + bytes(-len(before) % 64)
    twin.xor(bytearray(128), (len(before) + 63) // 64, data, state, 16)
    assert data[16 : 16 + len(after)] == after


@pytest.mark.parametrize("case", VECTORS["seal"], ids=lambda case: case["name"])
def test_seal(case: Case) -> None:
    key, nonce, aad, message, sealed = parts(case, "key", "iv", "aad", "msg", "sealed")
    assert chacha.seal(key, nonce, message, aad) == sealed
    assert chacha.open_(key, nonce, sealed, aad) == message
    assert type(chacha.open_(key, nonce, sealed, aad)) is bytes


@pytest.mark.parametrize("size", [0, 1, 16, 65])
def test_every_spoilt_byte_is_refused(size: int) -> None:
    message, aad = bytes(size), b"aad"
    sealed = chacha.seal(KEY, NONCE, message, aad)
    for at in range(len(sealed)):
        for bit in (1, 0x80):
            spoilt = bytearray(sealed)
            spoilt[at] ^= bit
            assert chacha.open_(KEY, NONCE, bytes(spoilt), aad) is None
    for other in (aad[1:], aad + b"\0", b"Aad", b""):
        assert chacha.open_(KEY, NONCE, sealed, other) is None
    assert chacha.open_(KEY, NONCE[::-1], sealed, aad) is None
    assert chacha.open_(KEY[::-1], NONCE, sealed, aad) is None


@pytest.mark.parametrize("size", [0, 1, 16, 65])
def test_every_other_length_is_refused(size: int) -> None:
    sealed = chacha.seal(KEY, NONCE, bytes(size), b"")
    for end in range(len(sealed)):
        assert chacha.open_(KEY, NONCE, sealed[:end], b"") is None
    for start in range(1, len(sealed)):
        assert chacha.open_(KEY, NONCE, sealed[start:], b"") is None
    for extra in (b"\0", bytes(16), sealed[-16:]):
        assert chacha.open_(KEY, NONCE, sealed + extra, b"") is None
        assert chacha.open_(KEY, NONCE, extra + sealed, b"") is None


def test_what_is_associated_is_not_what_is_sealed() -> None:
    """The lengths are authenticated: a byte cannot move from one side to the other."""
    sealed = chacha.seal(KEY, NONCE, bytes(16), b"")
    assert chacha.open_(KEY, NONCE, sealed[16:], sealed[:16]) is None


def test_nothing_is_decrypted_under_a_wrong_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = chacha.seal(KEY, NONCE, bytes(100), b"")
    counters = []

    def watched(
        work: bytearray, blocks: int, data: bytearray, state: bytearray, start: int
    ) -> None:
        counters.append(state[48])
        twin.xor(work, blocks, data, state, start)

    monkeypatch.setattr(chacha, "xor", watched)
    assert chacha.open_(KEY, NONCE, sealed[:-1] + b"\0", b"") is None
    assert counters == [0]
    assert chacha.open_(KEY, NONCE, sealed, b"") == bytes(100)
    assert counters == [0, 0, 1]


@pytest.mark.parametrize(("key", "nonce"), [(31, 12), (33, 12), (32, 11), (32, 13), (0, 0)])
def test_wrong_sizes_are_our_mistake(key: int, nonce: int) -> None:
    with pytest.raises(ValueError, match="32"):
        chacha.seal(bytes(key), bytes(nonce), b"", b"")
    with pytest.raises(ValueError, match="32"):
        chacha.open_(bytes(key), bytes(nonce), bytes(16), b"")


@few
@given(
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=12, max_size=12),
    st.binary(max_size=300),
    st.binary(max_size=80),
)
def test_chacha_agrees(key: bytes, nonce: bytes, message: bytes, aad: bytes) -> None:
    sealed = ChaCha20Poly1305(key).encrypt(nonce, message, aad)
    assert chacha.seal(key, nonce, message, aad) == sealed
    assert chacha.open_(key, nonce, sealed, aad) == message


# HMAC and HKDF


def test_hmac() -> None:
    for case in load("hmac.json")["codes"]:
        key, message, code = parts(case, "key", "message", "code")
        assert hkdf.hmac_sha256(hkdf.keyed(key), message) == code


def test_hkdf() -> None:
    for case in load("hkdf.json")["derived"]:
        names = ("salt", "ikm", "info", "secret", "expanded")
        salt, ikm, info, secret, expanded = parts(case, *names)
        assert hkdf.hmac_sha256(hkdf.keyed(salt), ikm) == secret
        assert hkdf.expand(hkdf.keyed(secret), info, len(expanded)) == expanded


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 63, 64, 65, 200])
def test_keys_around_a_block(size: int) -> None:
    """A longer key than a block is hashed first; the library says what comes of each."""
    key = bytes(range(size))
    expected = HKDF(SHA256(), 64, key, b"info").derive(b"ikm")
    secret = hkdf.hmac_sha256(hkdf.keyed(key), b"ikm")
    assert hkdf.expand(hkdf.keyed(secret), b"info", 64) == expected
    if size:
        assert hkdf.expand(hkdf.keyed(key), b"", 32) == HKDFExpand(SHA256(), 32, b"").derive(key)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 64, 1200, 8159, 8160])
def test_expand_gives_what_is_asked(length: int) -> None:
    found = hkdf.expand(hkdf.keyed(KEY), b"info", length)
    assert len(found) == length
    assert type(found) is bytes
    if length:
        assert found == HKDFExpand(SHA256(), length, b"info").derive(KEY)


@pytest.mark.parametrize("length", [8161, 1 << 20])
def test_expand_has_an_end(length: int) -> None:
    with pytest.raises(ValueError, match="8160"):
        hkdf.expand(hkdf.keyed(KEY), b"", length)


def test_secrets_may_stand_in_bytearrays() -> None:
    """So that they can be erased."""
    key = bytearray(KEY)
    assert hkdf.keyed(key) == hkdf.keyed(KEY)  # type: ignore[arg-type]
    assert chacha.seal(key, NONCE, b"x", b"") == chacha.seal(KEY, NONCE, b"x", b"")  # type: ignore[arg-type]
    assert key == KEY
