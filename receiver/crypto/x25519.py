"""X25519 (RFC 7748 §5): a Montgomery ladder of 255 equal steps.

Each step is one call of the field's kernel, the same for a 0 and a 1: no branch and no address
depends on the private key. The secret alone leaves the field through Python's integers, whose time
tells a little of its size; an ephemeral key is used for one offer, too few times to measure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import curve25519
from .field import CURVE25519, Machine, assemble
from .job import finish

if TYPE_CHECKING:
    from .job import Job

SIZE = 32
_BASE = b"\x09" + bytes(31)
_BITS = 255
_SLICE = 51  # steps between yields: about 2 M instructions
_A24 = 121665

_X, _Z, _X3, _Z3, _X1, _K = 0, 1, 2, 3, 4, 5
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


def public(private: bytes) -> bytes:
    """The public key of 32 bytes."""
    return finish(public_job(private))


def public_job(private: bytes) -> Job[bytes]:
    return _multiply(private, _BASE)


def shared(private: bytes, public: bytes) -> bytes | None:
    """The shared secret; None where it is zero (a public key of small order) or has no 32 bytes."""
    return finish(shared_job(private, public))


def shared_job(private: bytes, public: bytes) -> Job[bytes | None]:
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
        for register, value in ((_X, 1), (_X3, start), (_Z3, 1), (_X1, start), (_K, _A24)):
            machine.put(register, value)
        before = 0
        for at in range(_BITS - 1, -1, -1):
            bit = scalar[at >> 3] >> (at & 7) & 1
            machine.run(_STEP, b"", bit ^ before)
            before = bit
            if at % _SLICE == 0:
                yield
        machine.run(_QUOTIENT, b"", before)
        return machine.get(_X).to_bytes(SIZE, "little")
    finally:
        machine.erase()
        for at in range(SIZE):
            scalar[at] = 0
