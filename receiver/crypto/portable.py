"""Name the device's back end, for MicroPython and CPython alike.

Modules with tables or kernels load at their first use: a board that never checks a P-256 key
never loads that curve. Once loaded, a module serves all callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import ed25519
    from .job import Job


def ed25519_public(seed: bytes) -> bytes:
    from .ed25519 import public

    return public(seed)


def ed25519_sign_job(seed: bytes, message: bytes) -> Job[bytes]:
    from .ed25519 import sign_job

    return sign_job(seed, message)


def ed25519_key_job(public: bytes) -> Job[ed25519.Ed25519Key | None]:
    from .ed25519 import key_job

    return key_job(public)


def ed25519_check_job(
    key: ed25519.Ed25519Key | None, message: bytes, signature: bytes
) -> Job[bool]:
    from .ed25519 import check_job

    return check_job(key, message, signature)


def p256_key_job(public: bytes) -> Job[bytearray | None]:
    from .p256 import key_job

    return key_job(public)


def p256_check_job(key: bytearray | None, message: bytes, signature: bytes) -> Job[bool]:
    from .p256 import check_job

    return check_job(key, message, signature)


def x25519_public_job(private: bytes) -> Job[bytes]:
    from .x25519 import public_job

    return public_job(private)


def x25519_job(private: bytes, public: bytes) -> Job[bytes | None]:
    from .x25519 import shared_job

    return shared_job(private, public)


def chacha_seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    from .chacha import seal

    return seal(key, nonce, plaintext, aad)


def chacha_open(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes | None:
    from .chacha import open_

    return open_(key, nonce, sealed, aad)
