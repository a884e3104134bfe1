"""What both back ends promise alike: sizes, jobs, and the same answer to whatever comes."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver.crypto import host, portable
from receiver.crypto.hkdf import hmac_sha256, keyed
from receiver.crypto.interface import Crypto
from receiver.crypto.job import finish
from receiver.crypto.sha512 import sha512
from simulator.crypto.p256 import p256_public, p256_sign
from tests.receiver.crypto.back_ends import (
    VERIFY,
    both,
    both_at_length,
    ed25519_sign,
    ed25519_verify,
    p256_verify,
    x25519,
    x25519_public,
)

if TYPE_CHECKING:
    from receiver.crypto.job import Job

SEED = bytes(range(32))
OTHER = bytes(range(1, 33))
MESSAGE = b"till 7"
ED25519 = (host.ed25519_public(SEED), MESSAGE, ed25519_sign(host, SEED, MESSAGE))
P256 = (p256_public(SEED), MESSAGE, p256_sign(SEED, MESSAGE))
NONCE = bytes(12)

seeds = st.binary(min_size=32, max_size=32)
few = settings(max_examples=15, deadline=None)


def stepped(job: Job[Any]) -> Any:
    """As `finish`, and it yields nothing but None."""
    while True:
        try:
            assert next(job) is None
        except StopIteration as end:
            return end.value


@both
def test_a_job_yields_nothing_but_none(crypto: Crypto) -> None:
    assert stepped(crypto.ed25519_sign_job(SEED, MESSAGE)) == ED25519[2]
    assert stepped(crypto.x25519_public_job(SEED)) == x25519_public(crypto, SEED)
    public = x25519_public(crypto, OTHER)
    assert stepped(crypto.x25519_job(SEED, public)) == x25519(crypto, SEED, public)
    assert stepped(crypto.x25519_job(SEED, bytes(32))) is None
    assert stepped(crypto.x25519_job(SEED, b"")) is None


@both
@pytest.mark.parametrize("kind", ["ed25519", "p256"])
def test_a_ready_key_checks_many_signatures(crypto: Crypto, kind: str) -> None:
    key_job, check_job = getattr(crypto, f"{kind}_key_job"), getattr(crypto, f"{kind}_check_job")
    public, message, signature = ED25519 if kind == "ed25519" else P256
    key = stepped(key_job(public))
    assert stepped(check_job(key, message, signature)) is True
    assert stepped(check_job(key, b"till 8", signature)) is False
    assert stepped(check_job(key, message, signature[::-1])) is False
    assert stepped(check_job(key, message, b"")) is False
    assert stepped(check_job(key, message, signature)) is True
    for size in (0, 31, 32, 33, 34, 65):
        no_key = stepped(key_job(b"\xff" * size))
        assert no_key is None
        assert stepped(check_job(no_key, message, signature)) is False


@both
def test_jobs_run_side_by_side(crypto: Crypto) -> None:
    """A step of each in turn."""
    public = x25519_public(crypto, OTHER)
    makers: list[Callable[[], Job[Any]]] = [
        lambda: crypto.ed25519_sign_job(SEED, MESSAGE),
        lambda: crypto.ed25519_sign_job(OTHER, MESSAGE),
        lambda: crypto.x25519_job(SEED, public),
        lambda: crypto.x25519_public_job(OTHER),
        lambda: crypto.ed25519_check_job(finish(crypto.ed25519_key_job(ED25519[0])), *ED25519[1:]),
        lambda: crypto.p256_check_job(finish(crypto.p256_key_job(P256[0])), *P256[1:]),
    ]
    alone = [finish(make()) for make in makers]
    jobs = dict(enumerate(make() for make in makers))
    results: dict[int, Any] = {}
    while jobs:
        for number, job in list(jobs.items()):
            try:
                next(job)
            except StopIteration as end:
                results[number] = end.value
                del jobs[number]
    assert [results[number] for number in range(len(makers))] == alone


@both
@pytest.mark.parametrize("size", [0, 31, 33])
def test_private_key_of_wrong_size_is_our_mistake(crypto: Crypto, size: int) -> None:
    public = x25519_public(crypto, OTHER)
    mistakes: tuple[Callable[[], object], ...] = (
        lambda: crypto.ed25519_public(bytes(size)),
        lambda: ed25519_sign(crypto, bytes(size), b""),
        lambda: x25519_public(crypto, bytes(size)),
        lambda: x25519(crypto, bytes(size), public),
    )
    for work in mistakes:
        with pytest.raises(ValueError, match="32"):
            work()


@both_at_length
@pytest.mark.parametrize("kind", ["ed25519", "p256"])
def test_every_other_length_is_refused(crypto: Crypto, kind: str) -> None:
    verify = partial(VERIFY[kind], crypto)
    public, message, signature = ED25519 if kind == "ed25519" else P256
    assert verify(public, message, signature)
    for size in range(140):
        if size != len(signature):
            assert not verify(public, message, (signature * 3)[:size])
        if size != len(public):
            assert not verify((public * 5)[:size], message, signature)
    for size in range(12):
        if size != len(message):
            assert not verify(public, (message * 2)[:size], signature)


@both
def test_every_other_length_of_a_public_key_agrees_on_nothing(crypto: Crypto) -> None:
    public = x25519_public(crypto, OTHER)
    for size in range(70):
        assert (x25519(crypto, SEED, (public * 3)[:size]) is None) is (size != 32)


@both
def test_every_other_length_of_a_sealed_message_stays_shut(crypto: Crypto) -> None:
    for length in (0, 1, 16, 63, 64, 65, 166):
        sealed = crypto.chacha_seal(SEED, NONCE, bytes(length), b"aad")
        assert len(sealed) == length + 16
        assert crypto.chacha_open(SEED, NONCE, sealed, b"aad") == bytes(length)
        for size in range(length + 40):
            if size != len(sealed):
                assert crypto.chacha_open(SEED, NONCE, (sealed * 41)[:size], b"aad") is None


def flips(whole: bytes, step: int) -> list[bytes]:
    """`whole` with one bit changed, each `step`-th bit."""
    numbers = range(0, len(whole) * 8, step)
    top = len(whole)
    return [(int.from_bytes(whole, "big") ^ 1 << bit).to_bytes(top, "big") for bit in numbers]


@both_at_length
def test_flipped_bits_are_refused(crypto: Crypto) -> None:
    for spoilt in flips(b"".join(ED25519), 5):
        assert not ed25519_verify(crypto, spoilt[:32], spoilt[32:-64], spoilt[-64:])
    for spoilt in flips(b"".join(P256), 11):
        assert not p256_verify(crypto, spoilt[:33], spoilt[33:-64], spoilt[-64:])
    sealed = crypto.chacha_seal(SEED, NONCE, MESSAGE, b"aad")
    for spoilt in flips(sealed, 1):
        assert crypto.chacha_open(SEED, NONCE, spoilt, b"aad") is None
    for spoilt in flips(SEED + NONCE + b"aad", 3):
        assert crypto.chacha_open(spoilt[:32], spoilt[32:44], sealed, spoilt[44:]) is None


@few
@given(st.binary(max_size=600))
def test_digests_agree(data: bytes) -> None:
    assert sha512(data) == hashlib.sha512(data).digest()


@few
@given(st.binary(max_size=200), st.binary(max_size=300))
def test_macs_agree(key: bytes, data: bytes) -> None:
    assert hmac_sha256(keyed(key), data) == hmac.digest(key, data, "sha256")


@few
@given(seeds, st.binary(max_size=300))
def test_ed25519_agrees(seed: bytes, message: bytes) -> None:
    public, signature = host.ed25519_public(seed), ed25519_sign(host, seed, message)
    assert portable.ed25519_public(seed) == public
    assert ed25519_sign(portable, seed, message) == signature
    assert ed25519_verify(portable, public, message, signature)


@few
@given(st.integers(1, 2**255), st.binary(max_size=300))
def test_p256_agrees(number: int, message: bytes) -> None:
    private = number.to_bytes(32, "big")
    public, signature = p256_public(private), p256_sign(private, message)
    for crypto in (host, portable):
        assert p256_verify(crypto, public, message, signature)
        assert not p256_verify(crypto, public, message + b"\0", signature)


@few
@given(seeds, seeds)
def test_x25519_agrees(private: bytes, public: bytes) -> None:
    """Any 32 bytes are a public key, of the curve or its twist."""
    assert x25519_public(portable, private) == x25519_public(host, private)
    assert x25519(portable, private, public) == x25519(host, private, public)


@few
@given(seeds, st.binary(min_size=12, max_size=12), st.binary(max_size=400), st.binary(max_size=90))
def test_chacha_agrees(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> None:
    sealed = host.chacha_seal(key, nonce, plaintext, aad)
    assert portable.chacha_seal(key, nonce, plaintext, aad) == sealed
    assert portable.chacha_open(key, nonce, sealed, aad) == plaintext


@both
@few
@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=80))
def test_nothing_raises(crypto: Crypto, public: bytes, message: bytes, signature: bytes) -> None:
    assert not ed25519_verify(crypto, public, message, signature)
    assert not p256_verify(crypto, public, message, signature)
    assert (x25519(crypto, SEED, public) is None) or len(public) == 32
    assert crypto.chacha_open(SEED, NONCE, signature, message) is None


@few
@given(seeds, seeds)
def test_random_keys_and_r(public: bytes, r: bytes) -> None:
    """Half of all 32-byte strings are no point at all; the two agree about each."""
    for name, key in (("ed25519", public), ("p256", b"\2" + public), ("p256", b"\3" + public)):
        jobs = [getattr(crypto, f"{name}_key_job")(key) for crypto in (host, portable)]
        ours, theirs = map(finish, jobs)
        assert (ours is None) is (theirs is None)
    signature = r + bytes(31) + b"\x10"
    expected = ed25519_verify(host, public, b"", signature)
    assert ed25519_verify(portable, public, b"", signature) is expected
