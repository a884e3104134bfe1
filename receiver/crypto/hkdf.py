"""Compute HMAC (RFC 2104) and HKDF (RFC 5869) with SHA-256."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

HASH_SIZE = 32
EXPAND_LIMIT = 255 * HASH_SIZE  # bytes: the counter of blocks is one byte (RFC 5869 §2.3)

_BLOCK = 64  # bytes
_INNER = int.from_bytes(b"\x36" * _BLOCK, "big")
_OUTER = int.from_bytes(b"\x5c" * _BLOCK, "big")


# A key for several MACs: the first block of the inner and of the outer hash (RFC 2104).
Keyed = NamedTuple("Keyed", [("inner", bytes), ("outer", bytes)])


def keyed(key: bytes) -> Keyed:
    """Prepare a key; no salt is 32 zeros, as none at all (RFC 5869 §2.2)."""
    if len(key) > _BLOCK:
        key = sha256(key).digest()
    number = int.from_bytes(key + bytes(_BLOCK - len(key)), "big")
    return Keyed(
        (number ^ _INNER).to_bytes(_BLOCK, "big"), (number ^ _OUTER).to_bytes(_BLOCK, "big")
    )


def hmac_sha256(key: Keyed, data: bytes) -> bytes:
    """Return 32 bytes; from a salt and a secret, HKDF-Extract (RFC 5869 §2.2)."""
    hashed = sha256(key.inner)
    hashed.update(data)
    last = sha256(key.outer)
    last.update(hashed.digest())
    digest: bytes = last.digest()
    return digest


def expand(secret: Keyed, info: bytes, length: int) -> bytes:
    """Return `length` bytes (RFC 5869 §2.3); raise ValueError for more than 8160."""
    if length > EXPAND_LIMIT:
        raise ValueError("HKDF gives no more than 8160 bytes")
    block = made = b""
    while len(made) < length:
        block = hmac_sha256(secret, block + info + bytes((len(made) // HASH_SIZE + 1,)))
        made += block
    return made[:length]
