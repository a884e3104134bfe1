"""Every vector there is: our corners, Wycheproof, RFCs and NIST."""

from __future__ import annotations

import pytest

from receiver.crypto import host
from receiver.crypto.hkdf import hmac_sha256, keyed
from receiver.crypto.interface import Crypto
from receiver.crypto.job import finish
from receiver.crypto.sha512 import sha512
from simulator.crypto.p256 import p256_public, p256_sign
from tests.receiver.crypto.back_ends import (
    Case,
    both,
    both_at_length,
    ed25519_sign,
    ed25519_verify,
    p256_verify,
    pairs,
    unhex,
    x25519,
    x25519_public,
)
from tests.support.values.vectors import load, parts

ED25519 = load("ed25519.json")
P256 = load("p256.json")
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
FIPS = "asymmetric/ECDSA/FIPS_186-3/"


def compressed(x: int, y: int) -> bytes:
    """The key as we spell it, whether it is on the curve or not."""
    return bytes((2 + y % 2,)) + x.to_bytes(32, "big")


def given(case: Case) -> list[bytes]:
    return parts(case, "public", "message", "signature")


def wrong_ed25519(crypto: Crypto, cases: list[Case]) -> list[str]:
    return [c["name"] for c in cases if ed25519_verify(crypto, *given(c)) is not c["valid"]]


def wrong_p256(crypto: Crypto, cases: list[Case]) -> list[str]:
    return [c["name"] for c in cases if p256_verify(crypto, *given(c)) is not c["valid"]]


@both_at_length
def test_ed25519_signing(crypto: Crypto) -> None:
    for case in ED25519["sign"]:
        seed, message = parts(case, "seed", "message")
        assert crypto.ed25519_public(seed).hex() == case["public"]
        assert ed25519_sign(crypto, seed, message).hex() == case["signature"]


@both_at_length
@pytest.mark.parametrize("name", ["ed25519.json", "wycheproof_ed25519.json"])
def test_ed25519_verification(crypto: Crypto, name: str) -> None:
    assert wrong_ed25519(crypto, load(name)["verify"]) == []


@both_at_length
@pytest.mark.parametrize("name", ["p256.json", "wycheproof_p256.json"])
def test_p256_verification(crypto: Crypto, name: str) -> None:
    assert wrong_p256(crypto, load(name)["verify"]) == []


@both_at_length
def test_p256_keys(crypto: Crypto) -> None:
    """A key is made ready exactly where it is the one encoding of a point of the curve."""
    for case in P256["keys"]:
        found = finish(crypto.p256_key_job(unhex(case["public"])))
        assert (found is not None) is case["valid"], case["name"]


@both_at_length
def test_ed25519_keys(crypto: Crypto) -> None:
    """A key under which a case is valid is made ready; one of small order or no point is not."""
    for case in ED25519["verify"]:
        ready = finish(crypto.ed25519_key_job(unhex(case["public"]))) is not None
        assert ready or not case["valid"], case["name"]
        if case["name"].startswith(("key of small order", "key in a long form", "key off")):
            assert not ready, case["name"]


@pytest.mark.parametrize("message", ["sample", "test"])
def test_a_phone_signs_as_rfc6979_says(message: str) -> None:
    """A.2.5, in the low form."""
    private = unhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
    (case,) = (c for c in P256["verify"] if c["name"] == f"RFC 6979, {message}, s low")
    public, signature = parts(case, "public", "signature")
    assert p256_public(private) == public
    assert p256_sign(private, message.encode()) == signature


@both_at_length
def test_p256_nist_verification(crypto: Crypto) -> None:
    """SigVer.rsp, P-256 with SHA-256; an s in the high form is tried in both."""
    cases = []
    for case in pairs(FIPS + "SigVer.rsp", "[P-256,SHA-256]"):
        x, y, r, s = (int(case[name], 16) for name in ("Qx", "Qy", "R", "S"))
        for value in {s, ORDER - s}:
            signature = r.to_bytes(32, "big") + value.to_bytes(32, "big")
            valid = case["Result"][0] == "P" and value <= ORDER // 2
            assert p256_verify(crypto, compressed(x, y), unhex(case["Msg"]), signature) is valid
            cases.append(valid)
    assert len(cases) == 30
    assert any(cases)


@both_at_length
def test_p256_nist_signatures(crypto: Crypto) -> None:
    """SigGen.txt, P-256 with SHA-256: all good, in their low form."""
    count = 0
    for case in pairs(FIPS + "SigGen.txt", "[P-256,SHA-256]"):
        x, y, r, s = (int(case[name], 16) for name in ("Qx", "Qy", "R", "S"))
        signature = r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")
        assert p256_verify(crypto, compressed(x, y), unhex(case["Msg"]), signature)
        count += 1
    assert count == 15


@both_at_length
def test_p256_nist_keys(crypto: Crypto) -> None:
    """PKV.rsp: a compressed key loses its y, so a wrong y makes another key of the curve."""
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    for case in pairs(FIPS + "PKV.rsp", "[P-256]"):
        x, y = int(case["Qx"], 16), int(case["Qy"], 16)
        if x >= 2**256:
            continue  # 33 bytes cannot say it
        on_curve = x < P and pow(x**3 - 3 * x + b, (P - 1) // 2, P) == 1
        assert on_curve or case["Result"][0] == "F"
        assert (finish(crypto.p256_key_job(compressed(x, y))) is not None) is on_curve


# X25519 on every vector there is: our corners, RFC 7748 and Wycheproof.


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


# SHA-512, HMAC and ChaCha20-Poly1305 on every vector there is.


def test_sha512() -> None:
    for case in load("sha512.json")["digests"]:
        assert sha512(unhex(case["message"])).hex() == case["digest"]


def test_hmac() -> None:
    """RFC 4231, test cases 1 to 4, 6 and 7."""
    cases = [case for case in pairs("HMAC/rfc-4231-sha256.txt") if "MD" in case]
    assert len(cases) > 4
    for case in cases:
        key, message = parts(case, "Key", "Msg")
        assert hmac_sha256(keyed(key), message).hex() == case["MD"]


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
