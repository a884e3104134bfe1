"""Seal and open with ChaCha20-Poly1305 (RFC 8439 §2.8)."""

from __future__ import annotations

from .native import NATIVE

if NATIVE:
    from receiver.crypto.kernels.chacha20 import xor
    from receiver.crypto.kernels.poly1305 import absorb, finish, start
else:
    from receiver.crypto.twins.chacha20 import xor
    from receiver.crypto.twins.poly1305 import absorb, finish, start

KEY_SIZE = 32
NONCE_SIZE = 12
TAG_SIZE = 16

_BLOCK = 64  # bytes of the key stream
_CONSTANT = b"expand 32-byte k"
_CHACHA_WORK = 128  # bytes of the kernels' work area
_POLY_WORK = 120


def seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Return ciphertext ‖ tag; raise ValueError if the key is not 32 bytes or the nonce not 12."""
    stream = _xor(key, nonce, 0, bytes(_BLOCK) + plaintext)
    ciphertext = bytes(stream[_BLOCK:])
    return ciphertext + _tag(stream, aad, ciphertext)


def open_(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes | None:
    """Return the plaintext; None if the tag is wrong, before decrypting anything."""
    size = max(len(sealed) - TAG_SIZE, 0)
    ciphertext = sealed[:size]
    tag = _tag(_xor(key, nonce, 0, bytes(_BLOCK)), aad, ciphertext)
    if not _equal(tag, sealed[size:]):
        return None
    return bytes(_xor(key, nonce, 1, ciphertext))


def _xor(key: bytes, nonce: bytes, counter: int, data: bytes) -> bytearray:
    """Return `data` xor the key stream from block `counter` on (§2.4)."""
    if len(key) != KEY_SIZE or len(nonce) != NONCE_SIZE:
        raise ValueError("key is not 32 bytes or nonce not 12")
    blocks = (len(data) + _BLOCK - 1) // _BLOCK
    mixed = bytearray(data + bytes(blocks * _BLOCK - len(data)))
    state = bytearray(_CONSTANT + key + counter.to_bytes(4, "little") + nonce)
    xor(bytearray(_CHACHA_WORK), blocks, mixed, state)
    return mixed[: len(data)]


def _tag(stream: bytearray, aad: bytes, ciphertext: bytes) -> bytes:
    """Return the tag under the one-time key that begins block 0 of the stream (§2.6, §2.8)."""
    sizes = len(aad).to_bytes(8, "little") + len(ciphertext).to_bytes(8, "little")
    text = aad + bytes(-len(aad) % 16) + ciphertext + bytes(-len(ciphertext) % 16) + sizes
    work = bytearray(_POLY_WORK)
    key = stream[:KEY_SIZE]
    start(work, key)
    absorb(len(text) // 16, work, text)
    finish(work, key)
    return bytes(key[16:])


def _equal(a: bytes, b: bytes) -> bool:
    """Compare in a time that does not depend on where they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for x, y in zip(a, b):  # noqa: B905  (MicroPython's has no `strict`)
        difference |= x ^ y
    return difference == 0
