"""Compute X25519 (RFC 7748 §5): a Montgomery ladder of 256 equal steps, the first of them for a 0.

Each step is one call of the field's kernel, the same for a 0 and a 1: no branch and no address
depends on the private key. Only the secret leaves the field through Python's integers, whose time
reveals a little of its size; an ephemeral key serves one offer, too few times to measure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import curve25519
from .elements import CURVE25519, element
from .field import Machine, assemble, run

if TYPE_CHECKING:
    from .job import Job

SIZE = 32
_BASE = b"\x09" + bytes(31)
_BITS = 255
_SHIFTS = (7, 6, 5, 4, 3, 2, 1, 0)
_SLICE = 4  # octets between yields: about 1.3 M instructions
_A24 = 121665
_ZERO, _ONE = element(CURVE25519, 0), element(CURVE25519, 1)
_START = _ONE + _ZERO + _ZERO + _ONE + _ZERO + element(CURVE25519, _A24)  # x to k, but for u

_X, _X3, _X1 = 0, 2, 4
_NAMES = "x z x3 z3 x1 k a b c d"
_STEP = assemble(
    CURVE25519,
    _NAMES,
    """
    x <> x3
    z <> z3
    a = x + z
    b = x - z
    c = x3 + z3
    d = x3 - z3
    d = d * a
    c = c * b
    a = a * a
    b = b * b
    x3 = d + c
    x3 = x3 * x3
    z3 = d - c
    z3 = z3 * z3
    z3 = z3 * x1
    x = a * b
    b = a - b
    z = b * k
    z = z + a
    z = z * b
    """,
)
# The last exchange, and x / z.
_END = "x <> x3\n z <> z3\n" + curve25519.INVERSE + "x = x * c\n"
_QUOTIENT = assemble(CURVE25519, _NAMES, _END)


def public_job(private: bytes) -> Job[bytes]:
    """Return the public key, 32 bytes."""
    return _multiply(private, _BASE)


def shared_job(private: bytes, public: bytes) -> Job[bytes | None]:
    """Return the shared secret; None if it is zero (a key of small order) or has not 32 bytes."""
    if len(public) != SIZE:
        return None
    secret = yield from _multiply(private, public)
    return secret if any(secret) else None


def _multiply(private: bytes, u: bytes) -> Job[bytes]:
    if len(private) != SIZE:
        raise ValueError("private key is not 32 bytes")
    scalar = bytearray(private)
    scalar[0] &= 0xF8
    scalar[31] = scalar[31] & 0x7F | 0x40
    machine = Machine(CURVE25519, len(_NAMES.split()))
    try:
        start = int.from_bytes(u, "little") & (1 << _BITS) - 1
        machine.paste(_X, _START)
        machine.put(_X3, start)
        machine.paste(_X1, machine.copy(_X3))
        registers = machine.registers
        before = 0
        for at in range(SIZE - 1, -1, -1):
            octet = scalar[at]
            for shift in _SHIFTS:
                bit = octet >> shift & 1
                run(bit ^ before, registers, _STEP, b"")
                before = bit
            if at % _SLICE == 0:
                yield
        machine.run(_QUOTIENT, b"", before)
        return machine.get(_X).to_bytes(SIZE, "little")
    finally:
        machine.erase()
        for at in range(SIZE):
            scalar[at] = 0
