"""The fields of the two curves, and the 40 bytes in which an integer modulo their prime lies."""

from __future__ import annotations

from typing import NamedTuple

SIZE = 40  # bytes of an element: 20 limbs of 13 bits, in 16-bit words, least significant first
_OCTETS = 33  # of an integer whose every limb can be read from three of them

Field = NamedTuple(
    "Field",
    [
        ("curve", int),  # the kernel's name for it
        ("prime", int),
        ("enter", int),  # an integer times this is what its element holds (Montgomery's form)
        ("leave", int),
    ],
)
_P25519 = 2**255 - 19
_P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
CURVE25519 = Field(0, _P25519, 1, 1)
P256 = Field(1, _P256, 2**260 % _P256, pow(2**260, _P256 - 2, _P256))


def element(field: Field, value: int) -> bytes:
    """Return the 40 bytes of an integer."""
    octets = (value * field.enter % field.prime).to_bytes(_OCTETS, "little")
    words = bytearray(SIZE)
    bit = 0
    for at in range(0, SIZE, 2):
        start = bit >> 3
        limb = (octets[start] | octets[start + 1] << 8 | octets[start + 2] << 16) >> (bit & 7)
        words[at] = limb & 0xFF
        words[at + 1] = limb >> 8 & 0x1F
        bit += 13
    return bytes(words)


def integer(field: Field, words: bytes | bytearray) -> int:
    """Return the integer of an element, below the prime."""
    value = 0
    for at in range(SIZE - 2, -1, -2):
        value = (value << 13) + (words[at] | words[at + 1] << 8)
    return value * field.leave % field.prime
