"""SHA-512, HMAC and ChaCha20-Poly1305 on every vector there is."""

from __future__ import annotations

from receiver.crypto.hkdf import hmac_sha256
from receiver.crypto.interface import Crypto
from receiver.crypto.sha512 import sha512
from tests.receiver.crypto.back_ends import both, load, pairs, parts, unhex


def test_sha512() -> None:
    for case in load("sha512.json")["digests"]:
        assert sha512(unhex(case["message"])).hex() == case["digest"]


def test_hmac() -> None:
    """RFC 4231, test cases 1 to 4, 6 and 7."""
    cases = [case for case in pairs("HMAC/rfc-4231-sha256.txt") if "MD" in case]
    assert len(cases) > 4
    for case in cases:
        assert hmac_sha256(*parts(case, "Key", "Msg")).hex() == case["MD"]


@both
def test_chacha_of_wycheproof(crypto: Crypto) -> None:
    for case in load("wycheproof_chacha.json")["seal"]:
        key, nonce, aad, message, sealed = parts(case, "key", "iv", "aad", "msg", "sealed")
        opened = crypto.chacha_open(key, nonce, sealed, aad)
        assert opened == (message if case["valid"] else None), case["name"]
        if case["valid"]:
            assert crypto.chacha_seal(key, nonce, message, aad) == sealed, case["name"]


def literal(text: str) -> bytes:
    return text[1:-1].encode() if text.startswith('"') else unhex(text)


@both
def test_chacha_of_boringssl(crypto: Crypto) -> None:
    """Its file spells some values as text; tags that were cut short are left out."""
    count = 0
    for case in pairs("ciphers/ChaCha20Poly1305/boringssl.txt"):
        names = ("KEY", "NONCE", "IN", "AD", "CT", "TAG")
        if not all(name in case for name in names) or len(case["TAG"]) != 32:
            continue
        key, nonce, message, aad, ciphertext, tag = (literal(case[name]) for name in names)
        assert crypto.chacha_seal(key, nonce, message, aad) == ciphertext + tag
        assert crypto.chacha_open(key, nonce, ciphertext + tag, aad) == message
        count += 1
    assert count > 10
