"""Verify ECDSA over P-256 with SHA-256 (FIPS 186-5 §6.4.2), low s only. Nothing here is secret.

A point is X, Y, Z with x = X/Z² and 2y = Y/Z³: to hold 2y saves three additions a doubling. Both
scalars are combed with five teeth of 52 bits, every bit counting as 1 or -1, so that each column
adds or subtracts one of 16 entries, x and 2y. Formulas: Explicit-Formulas Database, Jacobian, a=-3.

Adding equal or opposite points is an exception that no formula here treats, and none has to. The
teeth are multiples of the key by numbers whose sums and differences, below 2^210, are never 0
modulo the prime order; no point has order 2. And a sum begins at START, a point that a hash made.
Where points coincide H is 0, and as ADD multiplies Z by 2H, and DOUBLE by Y, Z stays 0 to the end.
So Z tells: not 0, and every step was an ordinary one and the result is right; 0, and the signature
is refused. That is right where the sum is infinity (the last step, which takes away what START
became, then meets H = 0). Anywhere else a good signature would be refused; making one takes the
logarithm of START to the base point, or a forgery: the problems that guard every key.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from .elements import P256, SIZE, inverse
from .field import ENTRIES, Machine, assemble, run
from .native import NATIVE
from .p256_base import END, START, TABLE, B

if NATIVE:
    from receiver.crypto.kernels.limbs import comb
else:
    from receiver.crypto.twins.limbs import comb

if TYPE_CHECKING:
    from .job import Job

PUBLIC_SIZE = 33  # SEC 1 §2.3.3: 2 or 3 for y's last bit, then x
SIGNATURE_SIZE = 64

_P = P256.prime
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # order of the base point
_TEETH = 5
_COLUMNS = 52
_BITS = _TEETH * _COLUMNS
_PLUS = 1 << _TEETH - 1  # the highest sign of a column
_SLICE = 8  # columns between yields: about a million instructions
_ENTRY = 2 * SIZE  # bytes of x and 2y
_POINT = 3 * SIZE  # of X, Y, Z
_ONE = START[_ENTRY:]

_NAMES = "X Y Z U V W a b c d"
_X, _Y, _Z, _U, _W = 0, 1, 2, 3, 5
_OCTETS = 33


def _program(text: str) -> bytes:
    return assemble(P256, _NAMES, text.replace(";", "\n"))


# dbl-2001-b, Z as a product.
_DOUBLE = """a = Z * Z; b = X - a; a = X + a; a = a * b; a = a +2 a; Z = Y * Z
    b = Y * Y; Y = b * b; b = X * b; X = a * a; X = X -2 b
    b = b - X; b = a * b; b = b + b; Y = b - Y
    """
# madd-2007-bl with an entry, Z as a product; where it subtracts, r and its factor change sign.
_ADD = """a = Z * Z; b = a * Z; a = a * @0; b = b * @1; a = a - X; b = b - Y
    c = a + a; Z = Z * c; c = c * c; a = a * c; c = X * c
    X = b * b; X = X - a; X = X -2 c
    c = c - X; b = b * c; a = Y * a; b = b - a; Y = b + b"""
_SUBTRACT = _ADD.replace("b = b - Y", "b = b + Y").replace("c = c - X", "c = X - c")

# Without its last difference a doubling gives the opposite point; the second turns it back.
_DOUBLE_TWICE = _program(_DOUBLE.replace("b = b + b; Y = b - Y", "Y = Y -2 b") * 2)
_DOUBLE_AND_ADD, _ADD_ENTRY = _program(_DOUBLE + _ADD), _program(_ADD)
_DOUBLE_AND_SUBTRACT, _SUBTRACT_ENTRY = _program(_DOUBLE + _SUBTRACT), _program(_SUBTRACT)

# add-2007-bl twice, for X, Y, Z and ±(U, V, W): the sum is X, Y, Z, the difference U, V, Z.
_BOTH = _program("""a = Z * Z; b = a * Z; c = W * W; d = c * W; Z = Z * W
    X = X * c; Y = Y * d; U = U * a; V = V * b; a = U - X
    b = a + a; Z = Z * b; b = b * b; a = a * b; c = X * b; b = Y * a; a = a +2 c
    d = V - Y; V = V + Y; X = d * d; X = X - a; U = V * V; U = U - a
    Y = c - X; Y = d * Y; Y = Y - b; Y = Y + Y; d = U - c; V = V * d; V = V - b; V = V + V""")

# a = X³ - 3X + b, Y = a^((p+1)/4): its root if it has one, and then Z is 0; and -2 or 2 times it.
_ROOT = _program("""a = X * X; a = a * X; a = a -2 X; a = a - X; a = a + @0
    b = a * a; b = b * a; c = b ~ 2; b = c * b; c = b ~ 4; b = c * b; c = b ~ 8; b = c * b
    c = b ~ 16; b = c * b; b = b ~ 32; b = b * a; b = b ~ 96; b = b * a; Y = b ~ 94
    Z = Y * Y; Z = Z - a""")
_TWICE = (_program("Z = Z - Y; Y = Z - Y"), _program("Y = Y + Y"))

# Montgomery's trick: W becomes the product of every z; then, inverted, it goes back the same way.
_MULTIPLY = _program("W = W * @2")
_DIVIDE = _program("Z = Z * W; W = W * @2; a = Z * Z; X = a * @0; a = a * Z; Y = a * @1")


def _room() -> tuple[bytearray, bytearray]:
    """Return what a comb is made in: its points, and the teeth, later products of z."""
    return bytearray(ENTRIES * _POINT), bytearray(ENTRIES * SIZE)


# Kept from the start for one key at a time: in a full heap 1,920 bytes in one piece are the first
# that are missing. A key that another one overtakes takes its own.
_ROOM = [_room()]


def key_job(public: bytes) -> Job[bytearray | None]:
    """Return a key's comb, 1,280 bytes; None unless it is the one encoding of a point."""
    machine = Machine(P256, 10)
    if not _decode(machine, public):
        return None
    yield
    points, scratch = room = _ROOM.pop() if _ROOM else _room()
    try:
        yield from _teeth_job(machine, scratch)
        machine.copy(_X, 3, points, 0)
        for tooth in range(_TEETH - 2, -1, -1):
            _add_tooth(machine, points, 1 << _TEETH - 2 - tooth, scratch, tooth * _POINT)
            yield
        return (yield from _affine_job(machine, points, scratch))
    finally:
        _ROOM[:] = [room]


def check_job(key: bytearray | None, message: bytes, signature: bytes) -> Job[bool]:
    """Verify the signature r ‖ s with the comb that `key_job` made; never raise."""
    if key is None or len(signature) != SIGNATURE_SIZE:
        return False
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    if not (0 < r < _N and 0 < s <= _N // 2):
        return False
    factor = inverse(s, _N)
    digest = int.from_bytes(sha256(message).digest(), "big")
    machine = yield from _sum_job(digest * factor % _N, r * factor % _N, key)
    x, z = machine.get(_X), machine.get(_Z)
    square = z * z % _P
    # x/z² is r modulo n; as n < p < 2n, it may be r + n itself.
    return z != 0 and (r * square % _P == x or (r + _N < _P and (r + _N) * square % _P == x))


def _decode(machine: Machine, public: bytes) -> bool:
    """Put a key's point into X, Y, Z; return whether it is a point."""
    if len(public) != PUBLIC_SIZE or public[0] not in (2, 3):
        return False
    x = int.from_bytes(public[1:], "big")
    if x >= _P:
        return False
    machine.put(_X, x)
    machine.run(_ROOT, B)
    if machine.get(_Z) != 0:
        return False
    machine.run(_TWICE[machine.get(_Y) & 1 == public[0] & 1])
    machine.paste(_Z, 1, _ONE)
    return True


def _teeth_job(machine: Machine, teeth: bytearray) -> Job[None]:
    """Store the point in X, Y, Z times 1, 2^52, 2^104, 2^156 and 2^208."""
    registers, program = machine.registers, _DOUBLE_TWICE
    machine.copy(_X, 3, teeth, 0)
    for half in range(2, 2 * _TEETH):
        for _ in range(_COLUMNS // 4):
            run(0, registers, program, b"")
        if half & 1:
            machine.copy(_X, 3, teeth, (half >> 1) * _POINT)
        yield


def _add_tooth(
    machine: Machine, points: bytearray, count: int, teeth: bytearray, tooth: int
) -> None:
    """Replace each of the first points by itself minus the tooth, then plus it."""
    for at in range((count - 1) * _POINT, -1, -_POINT):
        machine.paste(_X, 3, points, at)
        machine.paste(_U, 3, teeth, tooth)
        machine.run(_BOTH)
        machine.copy(_U, 2, points, 2 * at)
        machine.copy(_Z, 1, points, 2 * at + _ENTRY)
        machine.copy(_X, 3, points, 2 * at + _POINT)


def _affine_job(machine: Machine, points: bytearray, products: bytearray) -> Job[bytearray]:
    """Return x and 2y of each point, with one inversion; the points are used up."""
    machine.paste(_W, 1, _ONE)
    for entry in range(ENTRIES):
        machine.copy(_W, 1, products, entry * SIZE)
        machine.run(_MULTIPLY, points, entry * _POINT)
    machine.put(_W, inverse(machine.get(_W), _P))
    yield
    free = ENTRIES * SIZE
    for entry in range(ENTRIES - 1, -1, -1):
        machine.paste(_Z, 1, products, entry * SIZE)
        machine.run(_DIVIDE, points, entry * _POINT)
        # The points that remain end before this.
        machine.copy(_X, 2, points, free + entry * _ENTRY)
    return points[free:]


def _sum_job(u1: int, u2: int, key: bytearray) -> Job[Machine]:
    """Add up u1 times the base point and u2 times the key, in X, Y, Z."""
    machine = Machine(P256, 10)
    machine.paste(_X, 3, START)
    registers, base, own = machine.registers, _columns(u1), _columns(u2)
    for at in range(_COLUMNS):
        if at % _SLICE == 0:
            yield
        digit = base[at]
        if digit & _PLUS:
            run((digit - _PLUS) * _ENTRY, registers, _DOUBLE_AND_ADD, TABLE)
        else:
            run((_PLUS - 1 - digit) * _ENTRY, registers, _DOUBLE_AND_SUBTRACT, TABLE)
        digit = own[at]
        if digit & _PLUS:
            run((digit - _PLUS) * _ENTRY, registers, _ADD_ENTRY, key)
        else:
            run((_PLUS - 1 - digit) * _ENTRY, registers, _SUBTRACT_ENTRY, key)
    machine.run(_ADD_ENTRY, END)
    return machine


def _columns(scalar: int) -> bytearray:
    """Return, for each column from the highest down, its five signs; 1 is plus.

    The lower four name the table's entry, all of them turned where the highest is minus.
    """
    if scalar & 1 == 0:
        scalar -= _N
    # An odd number is the sum of ±2^i, i < 260: plus where (scalar + 2^260 - 1) / 2 has a 1.
    signs = (scalar + (1 << _BITS) - 1 >> 1).to_bytes(_OCTETS, "little")
    digits = bytearray(_COLUMNS)
    comb(digits, _COLUMNS, signs, _TEETH)
    return digits
