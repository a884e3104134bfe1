"""HPKE over both back ends: RFC 9180's vectors, OpenSSL's one-shot form, and a context's rules."""

from __future__ import annotations

import json

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.crypto import host, hpke
from receiver.crypto.interface import Crypto
from receiver.crypto.job import finish
from tests.receiver.crypto.back_ends import PUBLISHED, Case, both, unhex
from tests.support.values.vectors import load, parts

VECTORS = load("hpke.json")
SETUP = VECTORS["setup"][0]
SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
PRIVATE = bytes(range(32))
PUBLIC = host.x25519_public(PRIVATE)
EPHEMERAL = bytes(range(1, 33))
INFO = b"a session"


def recipient(
    crypto: Crypto, enc: bytes, private: bytes, public: bytes, info: bytes
) -> hpke.Context:
    context = finish(hpke.recipient_job(crypto, enc, private, public, info))
    assert context
    return context


def sender(crypto: Crypto, public: bytes, info: bytes, key: bytes) -> tuple[bytes, hpke.Context]:
    sending = hpke.sender(crypto, public, info, key)
    assert sending
    return sending


def pair(crypto: Crypto = host) -> tuple[hpke.Context, hpke.Context]:
    """A sender's context and its recipient's."""
    enc, sending = sender(crypto, PUBLIC, INFO, EPHEMERAL)
    return sending, recipient(crypto, enc, PRIVATE, PUBLIC, INFO)


def published() -> Case:
    """RFC 9180's base-mode vector of our suite, with all of its 257 messages."""
    vectors = json.loads((PUBLISHED / "HPKE/test-vectors.json").read_text())
    ids = ("mode", "kem_id", "kdf_id", "aead_id")
    (vector,) = (v for v in vectors if tuple(v[name] for name in ids) == (0, 0x20, 1, 3))
    found: Case = vector
    return found


@both
def test_shared_vectors(crypto: Crypto) -> None:
    info, private, public, ephemeral, enc = parts(SETUP, "info", "skRm", "pkRm", "skEm", "enc")
    sent, sending = sender(crypto, public, info, ephemeral)
    assert sent == enc
    receiving = recipient(crypto, enc, private, public, info)
    for case in VECTORS["exports"]:
        for context in (sending, receiving):
            assert context.export(unhex(case["context"]), case["length"]) == unhex(case["value"])
    for case in VECTORS["encryptions"]:
        plaintext, aad, sealed = parts(case, "pt", "aad", "ct")
        assert sending.seal(plaintext, aad) == sealed
        assert receiving.open(sealed, aad) == plaintext


@both
def test_all_messages_of_rfc9180(crypto: Crypto) -> None:
    """257: the sequence number goes beyond a byte."""
    vector = published()
    info, private, public, enc = parts(vector, "info", "skRm", "pkRm", "enc")
    receiving = recipient(crypto, enc, private, public, info)
    opened = [receiving.open(*parts(case, "ct", "aad")) for case in vector["encryptions"]]
    assert opened == [unhex(case["pt"]) for case in vector["encryptions"]]
    assert len(opened) == 257


def test_shared_vectors_are_the_published_ones() -> None:
    vector = published()
    assert SETUP.items() <= vector.items()
    assert VECTORS["encryptions"] == vector["encryptions"][: len(VECTORS["encryptions"])]


@both
def test_openssl_opens_the_first_message(crypto: Crypto) -> None:
    enc, sending = sender(crypto, PUBLIC, INFO, EPHEMERAL)
    key = X25519PrivateKey.from_private_bytes(PRIVATE)
    assert SUITE.decrypt(enc + sending.seal(b"hello"), key, info=INFO) == b"hello"
    with pytest.raises(InvalidTag):
        SUITE.decrypt(enc + sending.seal(b"hello"), key, info=INFO)


@both
@settings(max_examples=10, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=60))
def test_what_openssl_seals_opens(crypto: Crypto, plaintext: bytes, info: bytes) -> None:
    sealed = SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(PUBLIC), info=info)
    receiving = recipient(crypto, sealed[:32], PRIVATE, PUBLIC, info)
    assert receiving.open(sealed[32:]) == plaintext


@both
def test_a_shared_secret_of_zeros_gives_no_context(crypto: Crypto) -> None:
    cases = [c for c in load("x25519.json")["shared"] if c["shared"] is None]
    assert len(cases) > 30
    for case in cases:
        public = unhex(case["public"])
        assert finish(hpke.recipient_job(crypto, public, PRIVATE, PUBLIC, INFO)) is None
        assert hpke.sender(crypto, public, INFO, EPHEMERAL) is None


def test_an_encapsulated_key_of_another_size_gives_no_context() -> None:
    enc = host.x25519_public(EPHEMERAL)
    for size in range(70):
        context = finish(hpke.recipient_job(host, (enc * 3)[:size], PRIVATE, PUBLIC, INFO))
        assert (context is None) is (size != 32)


def test_everything_in_the_setup_counts() -> None:
    enc, sending = sender(host, PUBLIC, INFO, EPHEMERAL)
    sealed = sending.seal(b"hello")
    other = host.x25519_public(EPHEMERAL[::-1])
    for arguments in (
        (other, PRIVATE, PUBLIC, INFO),
        (enc, EPHEMERAL, PUBLIC, INFO),
        (enc, PRIVATE, other, INFO),
        (enc, PRIVATE, PUBLIC, INFO + b"\0"),
        # The top bit of `enc` means nothing to X25519, but is hashed.
        (enc[:31] + bytes((enc[31] ^ 0x80,)), PRIVATE, PUBLIC, INFO),
    ):
        assert recipient(host, *arguments).open(sealed) is None
    assert recipient(host, enc, PRIVATE, PUBLIC, INFO).open(sealed) == b"hello"


def test_a_message_that_does_not_open_changes_nothing() -> None:
    sending, receiving = pair()
    first, second = sending.seal(b"first", b"aad"), sending.seal(b"second")
    assert receiving.open(second) is None
    for size in range(len(first)):
        assert receiving.open(first[:size], b"aad") is None
    assert receiving.open(first + b"\0", b"aad") is None
    assert receiving.open(first) is None
    assert receiving.open(first, b"aad") == b"first"
    assert receiving.open(first, b"aad") is None
    assert receiving.open(second) == b"second"
    assert receiving.open(second) is None


def test_equal_messages_are_sealed_unequally() -> None:
    sending, _ = pair()
    assert len({sending.seal(b"hello") for _ in range(300)}) == 300


def test_a_context_keeps_to_its_role() -> None:
    sending, receiving = pair()
    with pytest.raises(ValueError, match="role"):
        sending.open(sending.seal(b"hello"))
    with pytest.raises(ValueError, match="role"):
        receiving.seal(b"hello")


def test_an_erased_context_holds_and_does_nothing() -> None:
    sealed = pair()[0].seal(b"hello")
    for context in pair():
        secrets = [value for value in vars(context).values() if isinstance(value, bytearray)]
        assert sorted(map(len, secrets)) == [12, 32, 32]
        assert all(any(secret) for secret in secrets)
        context.erase()
        assert not any(any(secret) for secret in secrets)
        for act, arguments in (
            (context.open, (sealed,)),
            (context.seal, (b"hello",)),
            (context.export, (b"label", 44)),
        ):
            with pytest.raises(ValueError, match="erased"):
                act(*arguments)
        context.erase()


def test_the_last_nonce_is_never_used() -> None:
    sending, receiving = pair()
    for context in (sending, receiving):
        context._count = hpke.MESSAGE_LIMIT - 1
    sealed = sending.seal(b"last")
    assert receiving.open(sealed) == b"last"
    with pytest.raises(ValueError, match="limit"):
        sending.seal(b"one more")
    with pytest.raises(ValueError, match="limit"):
        receiving.open(sealed)


def test_exports_differ_by_label_and_length() -> None:
    sending, receiving = pair()
    values = [
        sending.export(label, length) for label in (b"", b"a", b"b") for length in (16, 32, 44, 100)
    ]
    assert len({value[:16] for value in values}) == len(values)
    assert receiving.export(b"a", 44) == sending.export(b"a", 44)
