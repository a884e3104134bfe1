"""The operations to count and time. Runs on CPython and inside MicroPython."""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.crypto.job import finish
from receiver.crypto.sha512 import sha512

if TYPE_CHECKING:
    from collections.abc import Callable

    from receiver.crypto.interface import Crypto
    from receiver.crypto.job import Job

    Case = Callable[[], Job[object]]

SEED = bytes(range(32))
MESSAGE = bytes(150)  # as long as a signed message of a sale
_BLOCK = bytes(100)  # with its padding one block of SHA-512
_TEXT = bytes(200)
_NONCE = bytes(12)


def cases(crypto: Crypto, phone: bytes, signature: bytes) -> dict[str, Case]:
    """Return by name a job whose result is true. The phone's P-256 key has signed MESSAGE."""
    public = crypto.ed25519_public(SEED)
    own = finish(crypto.ed25519_sign_job(SEED, MESSAGE))
    issuer = finish(crypto.ed25519_key_job(public))
    buyer = finish(crypto.p256_key_job(phone))

    def ed25519_verify() -> Job[bool]:
        key = yield from crypto.ed25519_key_job(public)
        return (yield from crypto.ed25519_check_job(key, MESSAGE, own))

    def p256_verify() -> Job[bool]:
        key = yield from crypto.p256_key_job(phone)
        return (yield from crypto.p256_check_job(key, MESSAGE, signature))

    return {
        "ed25519_key": lambda: crypto.ed25519_key_job(public),
        "ed25519_check": lambda: crypto.ed25519_check_job(issuer, MESSAGE, own),
        "ed25519_verify": ed25519_verify,
        "ed25519_sign": lambda: crypto.ed25519_sign_job(SEED, MESSAGE),
        "x25519_public": lambda: crypto.x25519_public_job(SEED),
        "x25519": lambda: crypto.x25519_job(SEED, public),
        "p256_key": lambda: crypto.p256_key_job(phone),
        "p256_check": lambda: crypto.p256_check_job(buyer, MESSAGE, signature),
        "p256_verify": p256_verify,
        "sha512_block": lambda: _at_once(lambda: sha512(_BLOCK)),
        "chacha_seal_200": lambda: _at_once(lambda: crypto.chacha_seal(SEED, _NONCE, _TEXT, b"")),
    }


def _at_once(work: Callable[[], object]) -> Job[object]:
    yield from ()
    return work()
