"""The fields of the two curves, and the 40 bytes in which an integer modulo their prime lies.

`inverse` takes a time that depends on its input: it is for public values only.
"""

from __future__ import annotations

from typing import NamedTuple

from .native import NATIVE
from .scratch import SCRATCH, wipe

if NATIVE:
    from receiver.crypto.kernels.limbs import invert, join, split
else:
    from receiver.crypto.twins.limbs import invert, join, split

SIZE = 40  # bytes of an element: 20 limbs of 13 bits, in 16-bit words, least significant first
_WORK = SCRATCH[: 5 * SIZE]  # of an inversion: f, g, d, e, m, as the kernel names them
_NUMBER = SCRATCH[-SIZE:]  # the bytes of an integer on its way out
_OCTETS = 33  # of an integer whose every limb can be read from three of them

PrimeField = NamedTuple(
    "PrimeField",
    [
        ("curve", int),  # the kernel's name for it
        ("prime", int),
        ("enter", int),  # an integer times this is what its element holds (Montgomery's form)
        ("leave", int),
    ],
)
_HALF = 1 << 262  # the highest bit, a sign, of an element whose highest limb has 16 bits
_P25519 = 2**255 - 19
_P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
CURVE25519 = PrimeField(0, _P25519, 1, 1)
_ENTER = 2**260 % _P256
_LEAVE = pow(2**260, _P256 - 2, _P256)
P256 = PrimeField(1, _P256, _ENTER, _LEAVE)


def element(field: PrimeField, value: int) -> bytes:
    """Return the 40 bytes of an integer."""
    words = bytearray(SIZE)
    place(field, value, words, 0)
    return bytes(words)


def place(field: PrimeField, value: int, words: bytearray, at: int) -> None:
    """Write the 40 bytes of an integer below 2^256 into others."""
    if field.enter > 1:
        value = value * field.enter % field.prime
    split(value.to_bytes(_OCTETS, "little"), at, words)


def integer(field: PrimeField, words: bytes | bytearray, at: int = 0) -> int:
    """Return the integer of the element at a place, below the prime."""
    value = _joined(words, at)
    if field.leave > 1:
        value *= field.leave
    return value % field.prime


def inverse(value: int, modulus: int) -> int:
    """Return the inverse of a number below an odd modulus, 0 of 0."""
    octets = modulus.to_bytes(_OCTETS, "little")
    try:
        split(octets, 0, _WORK)
        split(octets, 4 * SIZE, _WORK)
        split(value.to_bytes(_OCTETS, "little"), SIZE, _WORK)
        _WORK[3 * SIZE] = 1
        invert(_WORK)
        negative = _WORK[SIZE - 1] & 0x80
        result = _joined(_WORK, 2 * SIZE)
    finally:
        wipe(_WORK, 5 * SIZE)
    if result >= _HALF:
        result -= 2 * _HALF
    if negative:
        result = -result
    return result % modulus


def _joined(words: bytes | bytearray | memoryview, at: int) -> int:
    try:
        join(_NUMBER, at, words)
        return int.from_bytes(_NUMBER, "little")
    finally:
        wipe(_NUMBER, SIZE)
