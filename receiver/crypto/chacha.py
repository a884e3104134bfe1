"""Seal and open with ChaCha20-Poly1305 (RFC 8439 §2.8)."""

from __future__ import annotations

from .native import NATIVE
from .scratch import SCRATCH, SIZE, wipe

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
_PART = 16  # bytes of what is authenticated
_CONSTANT = b"expand 32-byte k"
_ZEROS = memoryview(bytes(2 * _PART))
# The state (§2.3), the kernels' work area, and the text: block 0 of the key stream, the message,
# then what else is authenticated.
_STATE = SCRATCH[:64]
_KEY, _NONCE = _STATE[16:48], _STATE[52:]
_WORK = SCRATCH[64:192]
_TEXT, _ROOM = SCRATCH[192:], SIZE - 192


def seal(key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Return ciphertext ‖ tag; raise ValueError if the key is not 32 bytes or the nonce not 12."""
    size = len(plaintext)
    text = _begin(key, nonce, size, aad)
    try:
        end = _BLOCK + size
        text[_BLOCK:end] = plaintext
        xor(_WORK, (end + _BLOCK - 1) >> 6, text, _STATE, 0)
        padded = end + (-size & _PART - 1)
        text[end : padded + _PART] = _ZEROS[: padded + _PART - end]
        _authenticate(text, size, padded, aad)
        text[end : end + TAG_SIZE] = text[_PART : _PART + TAG_SIZE]
        return bytes(text[_BLOCK : end + TAG_SIZE])
    finally:
        wipe(SCRATCH, SIZE)
        if text is not _TEXT:
            wipe(text, len(text))


def open_(key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes | None:
    """Return the plaintext; None if the tag is wrong, before decrypting anything."""
    size = max(len(sealed) - TAG_SIZE, 0)
    text = _begin(key, nonce, size, aad)
    try:
        end = _BLOCK + size
        view = memoryview(sealed)
        text[_BLOCK:end] = view[:size]
        xor(_WORK, 1, text, _STATE, 0)
        _authenticate(text, size, end + (-size & _PART - 1), aad)
        if not _equal(text[_PART : _PART + TAG_SIZE], view[size:]):
            return None
        xor(_WORK, (size + _BLOCK - 1) >> 6, text, _STATE, _BLOCK)
        return bytes(text[_BLOCK:end])
    finally:
        wipe(SCRATCH, SIZE)
        if text is not _TEXT:
            wipe(text, len(text))


def _begin(key: bytes, nonce: bytes, size: int, aad: bytes) -> memoryview:
    """Set the state, and return zeros in which the text has room."""
    if len(key) != KEY_SIZE or len(nonce) != NONCE_SIZE:
        raise ValueError("key is not 32 bytes or nonce not 12")
    text, room = _TEXT, size + len(aad) + 2 * _BLOCK + 2 * _PART
    if room > _ROOM:
        text = memoryview(bytearray(room + (-room & 7)))
    _STATE[:16] = _CONSTANT
    _KEY[:] = key
    _NONCE[:] = nonce
    return text


def _authenticate(text: memoryview, size: int, padded: int, aad: bytes) -> None:
    """Turn the one-time key that begins block 0 into the tag behind its first half (§2.6, §2.8).

    The message ends in zeros up to `padded`, and zeros follow.
    """
    _put(text, padded + 8, size)
    start(_WORK, text)
    if aad:
        _put(text, padded, len(aad))
        at = (padded + _BLOCK - 1 & -_BLOCK) + _PART  # no stream is left there
        text[at : at + len(aad)] = aad
        absorb((len(aad) + _PART - 1) >> 4, _WORK, text, at)
    absorb((padded + _PART - _BLOCK) >> 4, _WORK, text, _BLOCK)
    finish(_WORK, text)


def _put(text: memoryview, at: int, size: int) -> None:
    """Write a size, least significant byte first."""
    while size:
        text[at] = size & 0xFF
        size >>= 8
        at += 1


def _equal(a: memoryview, b: memoryview) -> bool:
    """Compare in a time that does not depend on where they differ."""
    if len(a) != len(b):
        return False
    difference = 0
    for x, y in zip(a, b):  # noqa: B905  (MicroPython's has no `strict`)
        difference |= x ^ y
    return difference == 0
