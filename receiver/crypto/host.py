"""Implement the host's back end on OpenSSL and libsodium. CPython only: bridge and simulator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from nacl.bindings import crypto_core_ed25519_add, crypto_sign_open
from nacl.exceptions import BadSignatureError
from nacl.exceptions import RuntimeError as SodiumError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec, TypeVar

    from .job import Job

    T = TypeVar("T")
    P = ParamSpec("P")

_KEY_SIZE = 32  # of Ed25519 and X25519
_SIGNATURE_SIZE = 64
_FIELD = 2**255 - 19
_ZERO_POINT = bytes((1, *bytes(31)))  # Ed25519's neutral element, encoded

_P256_PREFIXES = (2, 3)  # SEC 1 §2.3.3: compressed, y even or odd
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def at_once(work: Callable[P, T]) -> Callable[P, Job[T]]:
    """Wrap `work` as a job of one step: a host computes it in less than a slice."""

    def job(*arguments: P.args, **named: P.kwargs) -> Job[T]:
        yield from ()
        return work(*arguments, **named)

    return job


def ed25519_public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def _ed25519_key(public: bytes) -> bytes | None:
    """Return the key; None if it is in a long form, off the curve or of small order."""
    if len(public) != _KEY_SIZE or int.from_bytes(public, "little") % 2**255 >= _FIELD:
        return None
    point = public
    try:
        for _ in range(3):
            point = crypto_core_ed25519_add(point, point)
    except SodiumError:  # off the curve
        return None
    return None if point == _ZERO_POINT else public


def _ed25519_check(key: bytes | None, message: bytes, signature: bytes) -> bool:
    """Verify with both libraries, as neither is strict alone.

    OpenSSL accepts keys of small order or in a long form; newer libsodium multiplies by the
    cofactor.
    """
    if key is None or len(signature) != _SIGNATURE_SIZE:
        return False
    try:
        crypto_sign_open(signature + message, key)
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (BadSignatureError, InvalidSignature):
        return False
    return True


ed25519_sign_job = at_once(ed25519_sign)
ed25519_key_job = at_once(_ed25519_key)
ed25519_check_job = at_once(_ed25519_check)


def _p256_key(public: bytes) -> EllipticCurvePublicKey | None:
    """Return the point; None unless compressed and on the curve (OpenSSL compares x with p)."""
    if not public or public[0] not in _P256_PREFIXES:
        return None
    try:
        return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), public)
    except ValueError:
        return None


def _p256_check(key: EllipticCurvePublicKey | None, message: bytes, signature: bytes) -> bool:
    if key is None or len(signature) != _SIGNATURE_SIZE:
        return False
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    if s > _P256_ORDER // 2:
        return False  # OpenSSL checks the other bounds, but not the low form
    try:
        key.verify(encode_dss_signature(r, s), message, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


p256_key_job = at_once(_p256_key)
p256_check_job = at_once(_p256_check)


def x25519_public(private: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def x25519(private: bytes, public: bytes) -> bytes | None:
    key = X25519PrivateKey.from_private_bytes(private)
    try:
        return key.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:  # of a wrong size, or the secret is zero
        return None


x25519_public_job = at_once(x25519_public)
x25519_job = at_once(x25519)


def chacha_seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    return ChaCha20Poly1305(key).encrypt(nonce, plaintext, aad)


def chacha_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes | None:
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, sealed, aad)
    except InvalidTag:
        return None
