"""Compute X25519 (RFC 7748 §5): a Montgomery ladder of 256 equal steps, the first of them for a 0.

Each call of the field's kernel makes four steps, the same for a 0 and a 1: no branch and no address
depends on the private key. Only the secret leaves the field through Python's integers, whose time
reveals a little of its size; an ephemeral key serves one offer, too few times to measure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import curve25519
from .elements import CURVE25519, element
from .field import Machine, assemble, run
from .scratch import wipe

if TYPE_CHECKING:
    from .job import Job

SIZE = 32
_BASE = b"\x09" + bytes(31)
_BITS = 255
_SLICE = 4  # octets between yields: about a million instructions
_ZERO, _ONE = element(CURVE25519, 0), element(CURVE25519, 1)
_START = _ONE + _ZERO + _ZERO + _ONE  # x to z3, but for u

_X, _X3, _X1 = 0, 2, 4
_NAMES = "x z x3 z3 x1 a b c d"
_STEP = """
    x <> x3 %d
    z <> z3 %d
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
    z = b * 121665
    z = z + a
    z = z * b
"""
# Bit 3 of the choice is for the first step: whether its bit differs from the one before.
_STEPS = assemble(
    CURVE25519, _NAMES, _STEP % (3, 3) + _STEP % (2, 2) + _STEP % (1, 1) + _STEP % (0, 0)
)
# The last exchange, and x / z.
_END = "x <> x3 0\n z <> z3 0\n" + curve25519.INVERSE + "x = x * c\n"
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
        machine.paste(_X, 4, _START)
        machine.put(_X3, start)
        machine.put(_X1, start)
        registers = machine.registers
        before = 0
        for at in range(SIZE - 1, -1, -1):
            octet = scalar[at]
            before = octet ^ (octet >> 1 | before << 7)
            run(before >> 4, registers, _STEPS, b"")
            run(before, registers, _STEPS, b"")
            before = octet
            if at % _SLICE == 0:
                yield
        machine.run(_QUOTIENT, b"", before & 1)
        return machine.get(_X).to_bytes(SIZE, "little")
    finally:
        machine.erase()
        wipe(scalar, SIZE)
