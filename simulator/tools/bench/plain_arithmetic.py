"""The device's long operations in straightforward Python integers.

Complete twins of `receiver/crypto`, counted on the same machine: they show what the kernels save.
Every choice is the fast one: one ladder for both scalars, the order of R unchecked,
nothing in constant time.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from receiver.crypto.sha512 import sha512

if TYPE_CHECKING:
    from typing import TypeAlias

    # X, Y, Z, T with x = X/Z, y = Y/Z, T = XY/Z
    Point: TypeAlias = tuple[int, int, int, int]
    # X, Y, Z with x = X/Z², y = Y/Z³; Z is 0 at infinity
    Jacobian: TypeAlias = tuple[int, int, int]

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)  # of -1
_A24 = 121665

_Q = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_GX = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
_GY = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5


def x25519(private: bytes, public: bytes) -> bytes:
    """Return the shared secret (RFC 7748 §5)."""
    scalar = int.from_bytes(private, "little") & (1 << 254) - 8 | 1 << 254
    x1 = int.from_bytes(public, "little") & (1 << 255) - 1
    x, z, x3, z3, swapped = 1, 0, x1, 1, 0
    for at in range(254, -1, -1):
        bit = scalar >> at & 1
        if bit != swapped:
            x, z, x3, z3 = x3, z3, x, z
        swapped = bit
        a, b, c, d = x + z, x - z, x3 + z3, x3 - z3
        da, cb = d * a % _P, c * b % _P
        x3, z3 = da + cb, da - cb
        x3, z3 = x3 * x3 % _P, z3 * z3 % _P * x1 % _P
        a, b = a * a % _P, b * b % _P
        c = a - b
        x, z = a * b % _P, c * (a + _A24 * c) % _P
    if swapped:
        x, z = x3, z3
    return (x * pow(z, _P - 2, _P) % _P).to_bytes(32, "little")


def ed25519_sign(seed: bytes, public: bytes, message: bytes) -> bytes:
    """Sign, given the public key (RFC 8032 §5.1.6)."""
    digest = sha512(seed)
    scalar = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    nonce = _reduced(digest[32:] + message)
    x, y, z, _ = _ed_sum(nonce, _BASE, 0, _BASE)
    inverse = pow(z, _P - 2, _P)
    r = y * inverse % _P | (x * inverse % _P & 1) << 255
    first = r.to_bytes(32, "little")
    s = (nonce + _reduced(first + public + message) * scalar) % _L
    return first + s.to_bytes(32, "little")


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Verify the signature (RFC 8032 §5.1.7), without the cofactor."""
    key, r = _ed_decode(public), _ed_decode(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= _L or _ed_small(key):
        return False
    challenge = _reduced(signature[:32] + public + message)
    x, y, z, _ = _ed_sum(s, _BASE, challenge, (_P - key[0], key[1], 1, _P - key[3]))
    return (x - r[0] * z) % _P == 0 and (y - r[1] * z) % _P == 0


def p256_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Verify r ‖ s, s in its low form (FIPS 186-5 §6.4.2)."""
    key = _p_decode(public)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if key is None or not 0 < r < _N or not 0 < s <= _N // 2:
        return False
    inverse = pow(s, _N - 2, _N)
    u1 = int.from_bytes(sha256(message).digest(), "big") * inverse % _N
    x, _, z = _p_sum(u1, (_GX, _GY, 1), r * inverse % _N, key)
    square = z * z % _Q
    return z != 0 and (x == r * square % _Q or (r + _N < _Q and x == (r + _N) * square % _Q))


# Ed25519's curve.


def _reduced(data: bytes) -> int:
    return int.from_bytes(sha512(data), "little") % _L


def _ed_decode(data: bytes) -> Point | None:
    """Decode a point (RFC 8032 §5.1.3)."""
    y = int.from_bytes(data, "little") & (1 << 255) - 1
    if y >= _P:
        return None
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    third = v * v % _P * v % _P
    x = u * third * pow(u * third % _P * third * v % _P, (_P - 5) // 8, _P) % _P
    square = v * x * x % _P
    if square != u:
        if square != _P - u:
            return None
        x = x * _ROOT % _P
    if x & 1 != data[31] >> 7:
        x = -x % _P
    return x, y, 1, x * y % _P


def _ed_small(point: Point) -> bool:
    for _ in range(3):
        point = _ed_double(point)
    return point[0] == 0


def _ed_sum(a: int, p: Point, b: int, q: Point) -> Point:
    """Return a times p plus b times q, bit by bit (Shamir's trick)."""
    both, total = _ed_add(p, q), (0, 1, 1, 0)
    for at in range(252, -1, -1):
        total = _ed_double(total)
        first, second = a >> at & 1, b >> at & 1
        if first or second:
            total = _ed_add(total, both if first and second else p if first else q)
    return total


def _ed_double(point: Point) -> Point:
    """Double a point (RFC 8032 §5.1.4)."""
    x, y, z, _ = point
    a, b = x * x % _P, y * y % _P
    h, g = a + b, a - b
    e = h - (x + y) * (x + y) % _P
    f = g + 2 * z * z % _P
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _ed_add(p: Point, q: Point) -> Point:
    """Add two points (RFC 8032 §5.1.4)."""
    x, y, z, t = p
    x2, y2, z2, t2 = q
    a, b = (y - x) * (y2 - x2) % _P, (y + x) * (y2 + x2) % _P
    c, d = 2 * _D * t % _P * t2 % _P, 2 * z * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _ed_base() -> Point:
    y = 4 * pow(5, _P - 2, _P) % _P
    point = _ed_decode(y.to_bytes(32, "little"))
    if point is None:
        raise ValueError("the base point is on the curve")
    return point


_BASE = _ed_base()


# P-256.


def _p_decode(public: bytes) -> Jacobian | None:
    """Decode a compressed point (SEC 1 §2.3.4)."""
    x = int.from_bytes(public[1:], "big")
    if len(public) != 33 or public[0] not in (2, 3) or x >= _Q:
        return None
    square = (x * x % _Q * x - 3 * x + _B) % _Q
    y = pow(square, (_Q + 1) // 4, _Q)
    if y * y % _Q != square:
        return None
    return x, y if y & 1 == public[0] & 1 else _Q - y, 1


def _p_sum(a: int, p: Jacobian, b: int, q: Jacobian) -> Jacobian:
    """Return a times p plus b times q, bit by bit (Shamir's trick)."""
    both, total = _p_add(p, q), (1, 1, 0)
    for at in range(255, -1, -1):
        total = _p_double(total)
        first, second = a >> at & 1, b >> at & 1
        if first or second:
            total = _p_add(total, both if first and second else p if first else q)
    return total


def _p_double(point: Jacobian) -> Jacobian:
    """Double a point: dbl-2001-b of the Explicit-Formulas Database."""
    x, y, z = point
    delta, gamma = z * z % _Q, y * y % _Q
    beta, alpha = x * gamma % _Q, 3 * (x - delta) * (x + delta) % _Q
    x = (alpha * alpha - 8 * beta) % _Q
    z = 2 * y * z % _Q
    return x, (alpha * (4 * beta - x) - 8 * gamma * gamma) % _Q, z


def _p_add(p: Jacobian, q: Jacobian) -> Jacobian:
    """Add two points: add-1998-cmo-2 of the Explicit-Formulas Database, and its exceptions."""
    x, y, z = p
    x2, y2, z2 = q
    if not z or not z2:
        return q if not z else p
    square, square2 = z * z % _Q, z2 * z2 % _Q
    u, s = x * square2 % _Q, y * z2 % _Q * square2 % _Q
    h, r = (x2 * square - u) % _Q, (y2 * z % _Q * square - s) % _Q
    if h == 0:
        return (1, 1, 0) if r else _p_double(p)
    hh = h * h % _Q
    hhh, v = h * hh % _Q, u * hh % _Q
    x = (r * r - hhh - 2 * v) % _Q
    return x, (r * (v - x) - s * hhh) % _Q, z * z2 % _Q * h % _Q
