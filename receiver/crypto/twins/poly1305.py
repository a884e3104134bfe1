"""Poly1305 (RFC 8439 §2.5) over whole blocks; the kernel defines the work area."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    Buffer: TypeAlias = "bytearray | memoryview"

_PRIME = 2**130 - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
_FIVE_R, _R, _H, _END = 0, 40, 80, 120  # places of bytes in work: ten limbs in 32-bit words each
_LIMB = 13  # bits


def start(work: Buffer, key: Buffer) -> None:
    """Do what the kernel does."""
    r = int.from_bytes(key[:16], "little") & _CLAMP
    key[:16] = r.to_bytes(16, "little")
    _put(work, _FIVE_R, r, 5)
    _put(work, _R, r)
    _put(work, _H, 0)


def absorb(blocks: int, work: Buffer, data: bytes | Buffer, start: int) -> None:
    """Do what the kernel does, but reduce h."""
    r, h = _take(work[_R:_H]), _take(work[_H:_END])
    for at in range(start, start + 16 * blocks, 16):
        block = int.from_bytes(data[at : at + 16], "little")
        h = (h + block + 2**128) * r % _PRIME
    _put(work, _H, h)


def finish(work: Buffer, key: Buffer) -> None:
    """Do what the kernel does."""
    tag = _take(work[_H:_END]) % _PRIME + int.from_bytes(key[16:32], "little")
    key[16:32] = (tag % 2**128).to_bytes(16, "little")


def _take(words: Buffer) -> int:
    """Return the number that these limbs, carried or not, represent."""
    limbs = [int.from_bytes(words[i : i + 4], "little") for i in range(0, len(words), 4)]
    return sum(limb << _LIMB * i for i, limb in enumerate(limbs))


def _put(work: Buffer, at: int, number: int, times: int = 1) -> None:
    for i in range(10):
        limb = (number >> _LIMB * i) % 2**_LIMB * times
        work[at + 4 * i : at + 4 * i + 4] = limb.to_bytes(4, "little")
