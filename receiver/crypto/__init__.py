"""Offer the cryptography behind one interface: `portable` on the device, `host` on the host.

Both accept exactly the same inputs, which `tests/vectors` defines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import Any

    from .job import Job


class Crypto(Protocol):
    """What a back end provides; the modules `portable` and `host` implement it.

    Keys are 32 bytes, but for P-256 public keys: 33, compressed (SEC 1 §2.3.3). A private key or
    seed of a wrong size is our bug and raises ValueError; nothing else given here raises. What ends
    in `_job` does the same as its namesake in slices.
    """

    def sha512(self, data: bytes) -> bytes:
        """Return the 64-byte digest (FIPS 180-4)."""

    def hmac_sha256(self, key: bytes, data: bytes) -> bytes:
        """Return 32 bytes (RFC 2104, RFC 4231)."""

    def ed25519_public(self, seed: bytes) -> bytes:
        """Return the public key of a seed (RFC 8032 §5.1.5)."""

    def ed25519_sign(self, seed: bytes, message: bytes) -> bytes:
        """Return the 64-byte signature (RFC 8032 §5.1.6)."""

    def ed25519_sign_job(self, seed: bytes, message: bytes) -> Job[bytes]: ...

    def ed25519_verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Verify strictly: shortest forms, no small order, no cofactor."""

    def ed25519_key_job(self, public: bytes) -> Job[Any]:
        """Prepare a key (its tables) for many checks; None if it can never verify."""

    def ed25519_check_job(self, key: Any, message: bytes, signature: bytes) -> Job[bool]:
        """Verify as `ed25519_verify`, with the key that `ed25519_key_job` prepared."""

    def p256_verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Verify r ‖ s over SHA-256(message), with s in its low form only (FIPS 186-5 §6.4.2)."""

    def p256_key_job(self, public: bytes) -> Job[Any]:
        """Prepare a key (its tables) for checks; None if it is not a point of the curve."""

    def p256_check_job(self, key: Any, message: bytes, signature: bytes) -> Job[bool]:
        """Verify as `p256_verify`, with the key that `p256_key_job` prepared."""

    def x25519_public(self, private: bytes) -> bytes:
        """Return the public key of a private key (RFC 7748 §6.1)."""

    def x25519_public_job(self, private: bytes) -> Job[bytes]: ...

    def x25519(self, private: bytes, public: bytes) -> bytes | None:
        """Return the shared secret (RFC 7748 §6.1); None if zero, or if public is not 32 bytes."""

    def x25519_job(self, private: bytes, public: bytes) -> Job[bytes | None]: ...

    def chacha_seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Seal with ChaCha20-Poly1305 (RFC 8439 §2.8), nonce of 12 bytes: ciphertext ‖ tag (16)."""

    def chacha_open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes | None:
        """Open what `chacha_seal` sealed; None if the tag is wrong."""
