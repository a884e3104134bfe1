"""The curve of Ed25519 (RFC 8032 §5.1): points, their encoding, and combs of their multiples.

Points are four registers of a machine, x y z t with x = X/Z, y = Y/Z, T = XY/Z. A comb is a table
of 16 affine points, each as y + x, y - x, 2dxy: the sums of 2^(64 i) times a point over the bits i
of the index. With it a multiple takes 64 doublings and additions, whatever the scalar. The formulas
(dbl-2008-hwcd, madd-2008-hwcd-3 of the Explicit-Formulas Database) hold for every pair of points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import curve25519
from .elements import CURVE25519, SIZE, element
from .field import Machine, assemble

if TYPE_CHECKING:
    from .job import Job

COLUMNS = 64
TEETH = 4
ENTRY = 3 * SIZE  # bytes of one point in a comb
ENCODED_SIZE = 32
PRIME = CURVE25519.prime
SIGN = 1 << 255  # bit of an encoding that holds the parity of x

_D = -121665 * pow(121666, PRIME - 2, PRIME) % PRIME
_ROOT = pow(2, (PRIME - 1) // 4, PRIME)  # of -1

_ZERO, _ONE = element(CURVE25519, 0), element(CURVE25519, 1)
_NEUTRAL = _ZERO + _ONE + _ONE + _ZERO
_D_AND_ONE = element(CURVE25519, _D) + _ONE
_2D = element(CURVE25519, 2 * _D)

X, Y, Z, T = 0, 1, 2, 3
_P = 4  # p q r: a point from a comb
_A, _C, _E, _F = 7, 9, 11, 12
_NAMES = "x y z t p q r a b c d e f"
REGISTERS = 13


def _program(text: str) -> bytes:
    return assemble(CURVE25519, _NAMES, text)


_DOUBLE = """
    a = x * x
    b = y * y
    c = z * z
    c = c + c
    d = x + y
    d = d * d
    y = a + b
    a = a - b
    x = y - d
    z = c + a
    t = x * y
    x = x * z
    y = y * a
    z = z * a
"""
_ADD = """
    a = y - x
    a = a * %s
    b = y + x
    b = b * %s
    c = t * %s
    d = z + z
    x = b - a
    y = b + a
    z = d + c
    d = d - c
    t = x * y
    x = x * d
    y = y * z
    z = z * d
"""
DOUBLE = _program(_DOUBLE)
# Eight doublings in one call; only an addition needs t, so the others skip it.
_BARE = _DOUBLE.replace("t = x * y\n", "\n")
_DOUBLE_8_BARE = _program(_BARE * 8)
_DOUBLE_8 = _program(_BARE * 7 + _DOUBLE)
# Add the point at `choice` (an offset) of a table; the choice is public.
ADD_OPEN = _program(_ADD % ("@1", "@0", "@2"))
# Double, then add an entry of the comb; the second reads it by index, in constant time.
STEP_OPEN = _program(_DOUBLE + _ADD % ("@1", "@0", "@2"))
STEP_SECRET = _program(_DOUBLE + "p <- 3" + _ADD % ("q", "p", "r"))
# Multiply so many together: one inversion then makes all points of a table affine.
_CHAIN = _program("f = f * z")
_INVERT = _program("z = f * e\n" + curve25519.INVERSE)  # e is 1
# c: the inverse of this z and those before, e: of those before alone, f: product of those before.
_AFFINE = _program(
    """
    d = c * f
    c = c * z
    a = x * d
    b = y * d
    p = b + a
    q = b - a
    r = a * b
    r = r * e
    """
)
_QUOTIENTS = _program(curve25519.INVERSE + "x = x * c\n y = y * c\n")
# A root x of (y^2 - 1) / (d y^2 + 1), RFC 8032 §5.1.3 step 3: e = d y^2 + 1, f = y^2 - 1, and
# x = f e^3 (f e^7)^((p - 5) / 8). t is x^2 e. d and 1 come in p and q.
_DECODE = _program(
    """
    f = y * y
    e = f * p
    f = f - q
    e = e + q
    t = e * e
    t = t * e
    x = t * f
    z = t * t
    z = z * e
    z = z * f
    """
    + curve25519.ROOT
    + """
    x = x * c
    t = x * x
    t = t * e
    """
)


def machine() -> Machine:
    """Return registers that hold the neutral element."""
    made = Machine(CURVE25519, REGISTERS)
    made.paste(X, _NEUTRAL)
    return made


def encode(point: Machine) -> bytes:
    """Return the 32 bytes of the point (RFC 8032 §5.1.2)."""
    point.run(_QUOTIENTS)
    return (point.get(Y) | (point.get(X) & 1) * SIGN).to_bytes(ENCODED_SIZE, "little")


def decode(data: bytes) -> tuple[int, int] | None:
    """Return x and y of the point with exactly this encoding; None if there is none (§5.1.3)."""
    y = int.from_bytes(data, "little")
    odd = y >= SIGN
    y &= SIGN - 1
    if y >= PRIME or len(data) != ENCODED_SIZE:
        return None
    point = Machine(CURVE25519, REGISTERS)
    point.put(Y, y)
    point.paste(_P, _D_AND_ONE)
    point.run(_DECODE)
    x = point.get(X)
    square, wanted = point.get(T), point.get(_F)
    if square != wanted:
        if square != PRIME - wanted:
            return None
        x = x * _ROOT % PRIME
    if x == 0 and odd:
        return None
    if bool(x & 1) != odd:
        x = PRIME - x
    return x, y


def is_small(point: Machine) -> bool:
    """Return whether eight times the point is zero: then it does not identify a signer."""
    saved = point.copy(X, 4)
    for _ in range(3):
        point.run(DOUBLE)
    zero = point.get(X) == 0
    point.paste(X, saved)
    return zero


def load(x: int, y: int) -> Machine:
    """Load an affine point into a new machine."""
    point = machine()
    point.put(X, x)
    point.put(Y, y)
    point.put(T, x * y)
    return point


def comb_job(point: Machine) -> Job[bytes]:
    """Return the comb of the point in a machine, 16 x ENTRY bytes; the machine is used up."""
    teeth = [point.copy(X, 4)]
    while len(teeth) < TEETH:
        for _ in range(COLUMNS // 8 - 1):
            point.run(_DOUBLE_8_BARE)
        point.run(_DOUBLE_8)
        teeth.append(point.copy(X, 4))
        yield
    table = _affine(point, teeth)
    sums = [_NEUTRAL]
    for tooth in range(TEETH):
        for at in range(len(sums)):
            point.paste(X, sums[at])
            point.run(ADD_OPEN, table, tooth * ENTRY)
            sums.append(point.copy(X, 4))
    yield
    return _affine(point, sums)


def _affine(scratch: Machine, points: list[bytes]) -> bytes:
    """Convert points of four registers into entries of a table, with one inversion for all."""
    products = []
    scratch.paste(_F, _ONE)
    for point in points:
        products.append(scratch.copy(_F))
        scratch.paste(X, point)
        scratch.run(_CHAIN)
    scratch.paste(_E, _ONE)
    scratch.run(_INVERT)
    scratch.paste(_E, _2D)
    entries = []
    for at in range(len(points) - 1, -1, -1):
        scratch.paste(X, points[at])
        scratch.paste(_F, products[at])
        scratch.run(_AFFINE)
        entries.append(scratch.copy(_P, 3))
    entries.reverse()
    return b"".join(entries)
