"""The phone's own key: P-256, the only curve of its hardware, or Ed25519."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, NamedTuple

from msgspec import Meta

from receiver.crypto import host
from simulator.crypto.p256 import p256_private, p256_public, p256_sign

P256 = "p256"
ED25519 = "ed25519"

_PRIVATE_SIZE = 32


class _Kind(NamedTuple):
    public: Callable[[bytes], bytes]
    sign: Callable[[bytes, bytes], bytes]


_KINDS = {
    P256: _Kind(p256_public, p256_sign),
    ED25519: _Kind(host.ed25519_public, host.ed25519_sign),
}
KINDS = tuple(_KINDS)


class PhoneKey(NamedTuple):
    """A private key of 32 bytes, and its kind."""

    kind: Annotated[str, Meta(pattern=rf"\A({P256}|{ED25519})\Z")]
    private: bytes

    @property
    def public(self) -> bytes:
        """Return 33 bytes for P-256, compressed, else 32; KeyError for an unknown kind."""
        return _KINDS[self.kind].public(self.private)

    def sign(self, message: bytes) -> bytes:
        """Sign: 64 bytes, the same each time."""
        return _KINDS[self.kind].sign(self.private, message)


def generate(kind: str) -> PhoneKey:
    """Make a new key."""
    return PhoneKey(kind, p256_private() if kind == P256 else os.urandom(_PRIVATE_SIZE))
