"""The host's back end, on OpenSSL and libsodium. CPython only: for the bridge and the simulator."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

_PUBLIC_SIZE = 32
_SIGNATURE_SIZE = 64


def sha512(data: bytes) -> bytes:
    return hashlib.sha512(data).digest()


def ed25519_public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def ed25519_sign(seed: bytes, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Both libraries must agree, as neither is strict alone.

    OpenSSL takes keys of small order or in a long form; newer libsodium multiplies by the cofactor;
    and PyNaCl does not look at the size of the key.
    """
    if len(public) != _PUBLIC_SIZE or len(signature) != _SIGNATURE_SIZE:
        return False
    try:
        crypto_sign_open(signature + message, public)
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (BadSignatureError, InvalidSignature, ValueError):
        return False
    return True
