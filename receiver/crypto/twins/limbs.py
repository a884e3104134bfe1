"""Elements of a field: in, out, and their inverses, in plain integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    Buffer: TypeAlias = "bytes | bytearray | memoryview"

_LIMBS = 20
_SIZE = 2 * _LIMBS  # bytes of an element
_OCTETS = 33


def split(octets: Buffer, at: int, limbs: bytearray | memoryview) -> None:
    """Do what the kernel does."""
    limbs[at : at + _SIZE] = _pack(int.from_bytes(octets, "little"))


def join(octets: bytearray | memoryview, at: int, limbs: Buffer) -> None:
    """Do what the kernel does."""
    octets[:_OCTETS] = _unpack(limbs, at).to_bytes(_OCTETS, "little")


def invert(work: bytearray | memoryview) -> None:
    """Do what the kernel does; d is the inverse itself."""
    value, modulus = _unpack(work, _SIZE), _unpack(work, 4 * _SIZE)
    work[: 3 * _SIZE] = _pack(1) + _pack(0) + _pack(_inverse(value, modulus))


def comb(digits: bytearray, columns: int, scalar: Buffer, teeth: int) -> None:
    """Do what the kernel does."""
    number = int.from_bytes(scalar, "little")
    for column in range(columns):
        bits = [number >> column + columns * tooth & 1 for tooth in range(teeth)]
        digits[columns - 1 - column] = sum(bit << tooth for tooth, bit in enumerate(bits))


def move(target: bytearray, at: int, source: Buffer, start: int, size: int) -> None:
    """Do what the kernel does."""
    target[at : at + size] = source[start : start + size]


def wipe(target: bytearray | memoryview, size: int) -> None:
    """Do what the kernel does."""
    target[:size] = bytes(size)


def _inverse(value: int, modulus: int) -> int:
    """Invert by Euclid; MicroPython's `pow` takes no negative exponent."""
    a, b, x, y = value, modulus, 1, 0
    while a > 1:
        quotient, rest = divmod(b, a)
        a, b, x, y = rest, a, y - quotient * x, x
    return x % modulus if a else 0


def _unpack(data: Buffer, start: int) -> int:
    value = 0
    for at in range(start + _SIZE - 2, start - 2, -2):
        value = (value << 13) + (data[at] | data[at + 1] << 8)
    return value


def _pack(value: int) -> bytes:
    return b"".join([(value >> 13 * i & 8191).to_bytes(2, "little") for i in range(_LIMBS)])
