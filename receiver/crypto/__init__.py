"""The cryptography behind one interface: `portable` on the device, `host` on the host.

Both accept exactly the same signatures; `tests/vectors` says which.
"""

from __future__ import annotations

from typing import Protocol


class Crypto(Protocol):
    """What a back end offers; the modules `portable` and `host` are its two implementations.

    A wrong seed size is our bug and raises ValueError. Nothing given to a verification raises.
    """

    def sha512(self, data: bytes) -> bytes:
        """The 64-byte digest (FIPS 180-4)."""

    def ed25519_public(self, seed: bytes) -> bytes:
        """The 32-byte public key of a 32-byte seed (RFC 8032 §5.1.5)."""

    def ed25519_sign(self, seed: bytes, message: bytes) -> bytes:
        """The 64-byte signature (RFC 8032 §5.1.6)."""

    def ed25519_verify(self, public: bytes, message: bytes, signature: bytes) -> bool:
        """Whether the signature holds, strictly: shortest forms, no small order, no cofactor."""
