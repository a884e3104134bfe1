"""Declare what a back end of the cryptography provides. Never loaded on a chip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from .job import Job

    Ready: TypeAlias = Any  # a prepared key, whose form only its back end knows


class Crypto(Protocol):
    """The modules `portable` and `host` implement it.

    Keys are 32 bytes, but for P-256 public keys: 33, compressed (SEC 1 §2.3.3). A private key or
    seed of a wrong size is our bug and raises ValueError; nothing else given here raises. What ends
    in `_job` works in slices; `receiver.crypto.job.finish` runs it at once.
    """

    def ed25519_public(self, seed: bytes) -> bytes:
        """Return the public key of a seed (RFC 8032 §5.1.5)."""

    def ed25519_sign_job(self, seed: bytes, message: bytes) -> Job[bytes]:
        """Return the 64-byte signature (RFC 8032 §5.1.6)."""

    def ed25519_key_job(self, public: bytes) -> Job[Ready]:
        """Prepare a key (its tables) for many checks; None if it can never verify."""

    def ed25519_check_job(self, key: Ready, message: bytes, signature: bytes) -> Job[bool]:
        """Verify strictly: shortest forms, no small order, no cofactor; False for no key."""

    def p256_key_job(self, public: bytes) -> Job[Ready]:
        """Prepare a key (its tables) for checks; None if it is not a point of the curve."""

    def p256_check_job(self, key: Ready, message: bytes, signature: bytes) -> Job[bool]:
        """Verify r ‖ s over SHA-256(message), with s in its low form only (FIPS 186-5 §6.4.2)."""

    def x25519_public_job(self, private: bytes) -> Job[bytes]:
        """Return the public key of a private key (RFC 7748 §6.1)."""

    def x25519_job(self, private: bytes, public: bytes) -> Job[bytes | None]:
        """Return the shared secret (RFC 7748 §6.1); None if zero, or if public is not 32 bytes."""

    def chacha_seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Seal with ChaCha20-Poly1305 (RFC 8439 §2.8), nonce of 12 bytes: ciphertext ‖ tag (16)."""

    def chacha_open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes | None:
        """Open what `chacha_seal` sealed; None if the tag is wrong."""
