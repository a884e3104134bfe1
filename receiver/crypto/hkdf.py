"""Compute HMAC (RFC 2104) and HKDF (RFC 5869) with SHA-256."""

from __future__ import annotations

from hashlib import sha256

HASH_SIZE = 32
EXPAND_LIMIT = 255 * HASH_SIZE  # bytes: the counter of blocks is one byte (RFC 5869 §2.3)

_BLOCK = 64  # bytes
_INNER = int.from_bytes(b"\x36" * _BLOCK, "big")
_OUTER = int.from_bytes(b"\x5c" * _BLOCK, "big")


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Return 32 bytes; from a salt (none is 32 zeros) and a secret, HKDF-Extract (§2.2)."""
    inner, outer = _pads(key)
    return _mac(inner, outer, data)


def expand(secret: bytes, info: bytes, length: int) -> bytes:
    """Return `length` bytes (RFC 5869 §2.3); raise ValueError for more than 8160."""
    if length > EXPAND_LIMIT:
        raise ValueError("HKDF gives no more than 8160 bytes")
    inner, outer = _pads(secret)
    block = made = b""
    while len(made) < length:
        block = _mac(inner, outer, block + info + bytes((len(made) // HASH_SIZE + 1,)))
        made += block
    return made[:length]


def _pads(key: bytes) -> tuple[bytes, bytes]:
    """Return the prefixes of the message in the inner and the digest in the outer hash."""
    if len(key) > _BLOCK:
        key = sha256(key).digest()
    number = int.from_bytes(key + bytes(_BLOCK - len(key)), "big")
    return (number ^ _INNER).to_bytes(_BLOCK, "big"), (number ^ _OUTER).to_bytes(_BLOCK, "big")


def _mac(inner: bytes, outer: bytes, data: bytes) -> bytes:
    hashed = sha256(inner)
    hashed.update(data)
    last = sha256(outer)
    last.update(hashed.digest())
    digest: bytes = last.digest()
    return digest
