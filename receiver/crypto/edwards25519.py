"""The curve of Ed25519 (RFC 8032 §5.1): points, their encoding, and combs of their multiples.

Points are four registers of a machine, x y z t with x = X/Z, y = Y/Z, T = XY/Z. A comb is a table
of 16 affine points, each as y + x, y - x, 2dxy: the sums of 2^(64 i) times a point over the bits i
of the index. With it a multiple takes 64 doublings and additions, whatever the scalar. The formulas
(dbl-2008-hwcd, madd-2008-hwcd-3 of the Explicit-Formulas Database) hold for every pair of points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import curve25519
from .elements import CURVE25519, SIZE, element, inverse
from .field import ENTRIES, Machine, assemble

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
_2D = element(CURVE25519, 2 * _D % PRIME)

X, Y, Z, T = 0, 1, 2, 3
_P = 4  # p q r: a point from a comb
_C, _E, _F = 9, 11, 12
_TOOTH_SIZE = 4 * SIZE  # of a point to add in the making of a comb: y + x, y - x, 2dt, 2z
_NAMES = "x y z t p q r a b c d e f"
REGISTERS = 13


def _program(text: str) -> bytes:
    return assemble(CURVE25519, _NAMES, text)


_DOUBLE = """
    a = x * x
    b = y * y
    c = z * z
    d = x + y
    d = d * d
    y = a + b
    a = a - b
    x = y - d
    z = a +2 c
    t = x * y
    x = x * z
    y = y * a
    z = z * a
"""
# Only an addition that follows needs t.
_BARE = _DOUBLE.replace("t = x * y\n", "\n")
_ADD = """
    a = y - x
    a = a * @1
    b = y + x
    b = b * @0
    c = t * @2
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
_ADD_LAST = _ADD.replace("t = x * y\n", "\n")
# Add the point at `choice` (an offset) of a table; the choice is public.
ADD_OPEN = _program(_ADD_LAST)
# Double, then add an entry of the comb; the second reads it by index, in constant time.
STEP_OPEN = _program(_DOUBLE + _ADD)
STEP_SECRET = _program(
    _DOUBLE + "p <- 3" + _ADD_LAST.replace("@0", "p").replace("@1", "q").replace("@2", "r")
)
_PRODUCT = _program("t = x * y")
# Eight doublings in one call: one program for all, as each is memory on a chip.
_DOUBLE_8 = _program(_BARE * 7 + _DOUBLE)
# A tooth from a point, in p q r a; e is 2d.
_TOOTH = _program("p = y + x\n q = y - x\n r = t * e\n a = z + z")
_ADD_TOOTH = _program(_ADD.replace("z + z", "z * @3"))
_SUBTRACT_TOOTH = _program(
    _ADD.replace("z + z", "z * @3")
    .replace("b * @0", "b * @1")
    .replace("a * @1", "a * @0")
    .replace("z = d + c", "z = d - c")
    .replace("d = d - c", "d = d + c")
)
# Multiply so many together: one inversion then makes all points of a table affine.
_CHAIN = _program("f = f * @2")
# c: the inverse of this z and those before, e: 2d, f: product of those before.
_AFFINE = _program(
    """
    d = c * f
    c = c * @2
    a = d * @0
    b = d * @1
    p = b + a
    q = b - a
    r = a * b
    r = r * e
    """
)
_QUOTIENTS = "x = x * c\n y = y * c\n"
_QUOTIENTS_OPEN = _program(_QUOTIENTS + "z = z * c")
_QUOTIENTS_SECRET = _program(curve25519.INVERSE + _QUOTIENTS)
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
    made.paste(X, 4, _NEUTRAL)
    return made


def encode_secret(point: Machine) -> bytes:
    """Return the 32 bytes of the point (RFC 8032 §5.1.2)."""
    point.run(_QUOTIENTS_SECRET)
    return _encoding(point)


def encode_open(point: Machine) -> bytes:
    """Return the same for a public point, in less time.

    It stays the same point.
    """
    point.put(_C, inverse(point.get(Z), PRIME))
    point.run(_QUOTIENTS_OPEN)
    return _encoding(point)


def _encoding(point: Machine) -> bytes:
    return (point.get(Y) | (point.get(X) & 1) * SIGN).to_bytes(ENCODED_SIZE, "little")


def decode(point: Machine, data: bytes) -> tuple[int, int] | None:
    """Return x and y of the point with exactly this encoding; None if there is none (§5.1.3).

    The machine is used up.
    """
    y = int.from_bytes(data, "little")
    odd = y >= SIGN
    y &= SIGN - 1
    if y >= PRIME or len(data) != ENCODED_SIZE:
        return None
    point.put(Y, y)
    point.paste(_P, 2, _D_AND_ONE)
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
    """Return whether eight times the point is zero: then it does not identify a signer.

    256 times it tells the same, as no order but 1, 2, 4 and 8 divides both 256 and the group's.
    The point is used up.
    """
    point.run(_DOUBLE_8)
    return point.get(X) == 0


def load(x: int, y: int) -> Machine:
    """Load an affine point into a new machine."""
    point = machine()
    set_affine(point, x, y)
    return point


def set_affine(point: Machine, x: int, y: int) -> None:
    """Set a machine's point to an affine one."""
    point.paste(X, 4, _NEUTRAL)
    point.put(X, x)
    point.put(Y, y)
    point.run(_PRODUCT)


def comb_job(point: Machine) -> Job[bytearray]:
    """Return the comb of the point in a machine, 16 x ENTRY bytes; the machine is used up."""
    scratch = bytearray(ENTRIES * SIZE)  # the teeth, then products of z
    point.paste(_E, 1, _2D)
    for at in range(0, TEETH * _TOOTH_SIZE, _TOOTH_SIZE):
        point.run(_TOOTH)
        point.copy(_P, 4, scratch, at)
        if at < (TEETH - 1) * _TOOTH_SIZE:
            for _ in range(COLUMNS // 8):
                point.run(_DOUBLE_8)
            yield
    table = bytearray(ENTRIES * ENTRY)
    _sums(point, scratch, table)
    yield
    _make_affine(point, scratch, table)
    return table


def _sums(point: Machine, teeth: bytearray, table: bytearray) -> None:
    """Fill the table with x, y, z of all sums, in the order in which one tooth changes."""
    point.paste(X, 4, _NEUTRAL)
    point.copy(X, 3, table, 0)
    entry = 0
    for number in range(1, ENTRIES):
        tooth, bit = 0, number & -number
        entry ^= bit
        while bit >> tooth > 1:
            tooth += 1
        program = _ADD_TOOTH if entry & bit else _SUBTRACT_TOOTH
        point.run(program, teeth, tooth * _TOOTH_SIZE)
        point.copy(X, 3, table, entry * ENTRY)


def _make_affine(point: Machine, products: bytearray, table: bytearray) -> None:
    """Turn x, y, z into entries of a comb where they are, with one inversion for all."""
    point.paste(_F, 1, _ONE)
    for entry in range(ENTRIES):
        point.copy(_F, 1, products, entry * SIZE)
        point.run(_CHAIN, table, entry * ENTRY)
    point.put(_C, inverse(point.get(_F), PRIME))
    for entry in range(ENTRIES - 1, -1, -1):
        point.paste(_F, 1, products, entry * SIZE)
        point.run(_AFFINE, table, entry * ENTRY)
        point.copy(_P, 3, table, entry * ENTRY)
