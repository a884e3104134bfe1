"""The plain versions that the kernels are measured against compute the same as anybody."""

from __future__ import annotations

from random import Random

import pytest

from receiver.crypto import host
from simulator.phone.wallet.keys import P256, PhoneKey
from simulator.tools.bench import plain_arithmetic
from tests.receiver.crypto.back_ends import ed25519_verify, p256_verify

RANDOM = Random(20)
SIZES = (0, 1, 63, 150)


def spoiled(data: bytes) -> bytes:
    """One bit is another."""
    at = RANDOM.randrange(8 * len(data))
    return bytes(byte ^ (at >> 3 == i) << (at & 7) for i, byte in enumerate(data))


@pytest.mark.parametrize("size", SIZES)
def test_ed25519_is_the_hosts(size: int) -> None:
    seed, message = RANDOM.randbytes(32), RANDOM.randbytes(size)
    public, signature = host.ed25519_public(seed), host.ed25519_sign(seed, message)
    assert plain_arithmetic.ed25519_sign(seed, public, message) == signature
    assert plain_arithmetic.ed25519_verify(public, message, signature)
    for wrong in (
        (public, message + b"!", signature),
        (public, message, spoiled(signature)),
        (spoiled(public), message, signature),
        (public, message, signature[:32] + b"\xff" * 32),
        (b"\1" + bytes(31), message, b"\1" + bytes(63)),  # of small order: holds for everything
        (b"\xff" * 32, message, signature),
    ):
        assert not plain_arithmetic.ed25519_verify(*wrong)
        assert not ed25519_verify(host, *wrong)


def test_x25519_is_the_hosts() -> None:
    for _ in range(4):
        private, other = RANDOM.randbytes(32), RANDOM.randbytes(32)
        public = host.x25519_public(other)
        assert plain_arithmetic.x25519(private, public) == host.x25519(private, public)
        base = b"\x09" + bytes(31)
        assert plain_arithmetic.x25519(private, base) == host.x25519_public(private)


@pytest.mark.parametrize("size", SIZES)
def test_p256_is_the_hosts(size: int) -> None:
    key, message = PhoneKey(P256, bytes(1) + RANDOM.randbytes(31)), RANDOM.randbytes(size)
    public, signature = key.public, key.sign(message)
    assert plain_arithmetic.p256_verify(public, message, signature)
    for wrong in (
        (public, message + b"!", signature),
        (public, message, spoiled(signature)),
        (public, message, signature[:32] + bytes(32)),
        (public, message, signature[:32] + b"\xff" * 32),
        (bytes([public[0] ^ 1]) + public[1:], message, signature),
        (b"\2" + b"\xff" * 32, message, signature),
        (public[1:], message, signature),
    ):
        assert not plain_arithmetic.p256_verify(*wrong)
        assert not p256_verify(host, *wrong)


def test_p256_adds_equal_and_opposite_points() -> None:
    """Private keys 1 and n - 1: the key is the base point, or its opposite."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for private in (1, order - 1):
        key = PhoneKey(P256, private.to_bytes(32, "big"))
        public, signature = key.public, key.sign(b"message")
        assert plain_arithmetic.p256_verify(public, b"message", signature)
        assert not plain_arithmetic.p256_verify(public, b"messages", signature)
