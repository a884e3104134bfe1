"""Ed25519 (RFC 8032) in plain integers, as strict as any verifier in use.

Its time depends on the key. The offer is signed before a phone arrives: nobody on air can watch it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .sha512 import sha512

if TYPE_CHECKING:
    # Extended coordinates (X, Y, Z, T): x = X/Z, y = Y/Z, T = XY/Z.
    Point = tuple[int, int, int, int]

SEED_SIZE = 32
PUBLIC_SIZE = 32
SIGNATURE_SIZE = 64

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493  # order of the base point
_D = -121665 * pow(121666, _P - 2, _P) % _P
_2D = 2 * _D % _P
_ROOT = pow(2, (_P - 1) // 4, _P)  # of -1
_SIGN = 1 << 255  # bit of an encoding that holds the parity of x
_ZERO = (0, 1, 1, 0)
_WINDOW = 4  # bits of both scalars taken at once in a verification
_COMB = 64  # columns of the signing comb; its four teeth cover 256 bits


def public(seed: bytes) -> bytes:
    """The public key of a 32-byte seed."""
    return _encode(_times_base(_expand(seed)[0]))


def sign(seed: bytes, message: bytes) -> bytes:
    """The signature, 64 bytes (RFC 8032 §5.1.6)."""
    scalar, prefix = _expand(seed)
    nonce = _hash(prefix + message)
    r = _encode(_times_base(nonce))
    challenge = _hash(r + _encode(_times_base(scalar)) + message)
    return r + ((nonce + challenge * scalar) % _L).to_bytes(32, "little")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature holds (RFC 8032 §5.1.7, without the cofactor); never raises.

    Refused even where the equation holds: a key or R that is not in its shortest form or has an
    order of 8 or less, and S not below L.
    """
    if len(public) != PUBLIC_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    r = signature[:32]
    s = int.from_bytes(signature[32:], "little")
    key = _decode(public)
    if s >= _L or key is None or _is_small(key):
        return False
    challenge = _hash(r + public + message)
    found = _two_times(s, _BASE, challenge, _negate(key))
    return _encode(found) == r and not _is_small(found)


# Scalars


def _expand(seed: bytes) -> tuple[int, bytes]:
    """The secret scalar and the prefix for nonces (RFC 8032 §5.1.5)."""
    if len(seed) != SEED_SIZE:
        raise ValueError("seed is not 32 bytes")
    digest = sha512(seed)
    scalar = int.from_bytes(digest[:32], "little")
    return scalar & (1 << 254) - 8 | 1 << 254, digest[32:]


def _hash(data: bytes) -> int:
    return int.from_bytes(sha512(data), "little") % _L


# Points


def _encode(point: Point) -> bytes:
    inverse = pow(point[2], _P - 2, _P)
    x = point[0] * inverse % _P
    y = point[1] * inverse % _P
    return (y | (x & 1) * _SIGN).to_bytes(32, "little")


def _decode(data: bytes) -> Point | None:
    """The point with this encoding, None if no point has exactly it (RFC 8032 §5.1.3)."""
    y = int.from_bytes(data, "little")
    odd = y >= _SIGN
    y &= _SIGN - 1
    if y >= _P:
        return None
    u = (y * y - 1) % _P
    v = (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    square = v * x * x % _P
    if square == (-u) % _P:
        x = x * _ROOT % _P
    elif square != u:
        return None
    if x == 0 and odd:
        return None
    if bool(x & 1) != odd:
        x = _P - x
    return (x, y, 1, x * y % _P)


def _is_small(point: Point) -> bool:
    """Whether eight times the point is zero: then it says nothing about who signed."""
    return _double(_double(_double(point)))[0] == 0


def _negate(point: Point) -> Point:
    return (-point[0], point[1], point[2], -point[3])


def _double(p: Point) -> Point:
    x, y, z, _ = p
    a = x * x
    b = y * y
    e = (x + y) * (x + y) - a - b
    g = b - a
    f = g - 2 * z * z
    h = -a - b
    e %= _P
    f %= _P
    g %= _P
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0])
    b = (p[1] + p[0]) * (q[1] + q[0])
    c = p[3] * q[3] % _P * _2D
    d = 2 * p[2] * q[2]
    e = (b - a) % _P
    f = (d - c) % _P
    g = (d + c) % _P
    h = (b + a) % _P
    return (e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _multiples(point: Point) -> list[Point]:
    """0, 1, ... 15 times the point."""
    table: list[Point] = [_ZERO, point]
    while len(table) < 1 << _WINDOW:
        table.append(_add(table[-1], point))
    return table


def _two_times(a: int, a_table: list[Point], b: int, point: Point) -> Point:
    """a·A + b·B, both scalars a window at a time over the same doublings (Straus)."""
    b_table = _multiples(point)
    sum_ = _ZERO
    mask = (1 << _WINDOW) - 1
    for shift in range(256 - _WINDOW, -1, -_WINDOW):
        for _ in range(_WINDOW):
            sum_ = _double(sum_)
        sum_ = _add(sum_, a_table[a >> shift & mask])
        sum_ = _add(sum_, b_table[b >> shift & mask])
    return sum_


def _comb(point: Point) -> list[Point]:
    """For each set of teeth j the sum of 2^(64 i) times the point, over the bits i of j."""
    table: list[Point] = [_ZERO]
    for _ in range(256 // _COMB):
        table += [_add(entry, point) for entry in table]
        for _ in range(_COMB):
            point = _double(point)
    return table


def _times_base(scalar: int) -> Point:
    """The scalar times the base point: a doubling and an addition for each column of the comb."""
    sum_ = _ZERO
    for column in range(_COMB - 1, -1, -1):
        bits = scalar >> column
        teeth = bits & 1 | bits >> 63 & 2 | bits >> 126 & 4 | bits >> 189 & 8
        sum_ = _add(_double(sum_), _TEETH[teeth])
    return sum_


def _base() -> Point:
    point = _decode((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))
    if point is None:
        raise AssertionError("the base point is on the curve")
    return point


_BASE = _multiples(_base())
_TEETH = _comb(_base())
