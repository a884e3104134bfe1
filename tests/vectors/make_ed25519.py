"""Writes ed25519.json.

The signing cases are those of RFC 8032 §7.1 and their siblings, from cryptography_vectors.
The verification cases are computed here, in affine coordinates and sharing nothing with the
product: the corners in which verifiers disagree ("Taming the many EdDSAs", 2020).
"""

from __future__ import annotations

import hashlib
import itertools

from table import Case, published, write

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SIGN = 1 << 255
SECRET = 0x1D8F3F0C2B5A49687786958473625140FEDCBA9876543210 << 3
NONCE = 0x4142434445464748494A4B4C4D4E4F505152535455565758
LENGTHS = (0, 1, 2, 47, 48, 63, 64, 127, 128, 1023)  # around the blocks of SHA-512

Point = tuple[int, int]


def add(p: Point, q: Point) -> Point:
    t = D * p[0] * q[0] * p[1] * q[1] % P
    x = (p[0] * q[1] + p[1] * q[0]) * pow(1 + t, -1, P)
    y = (p[1] * q[1] + p[0] * q[0]) * pow(1 - t, -1, P)
    return x % P, y % P


def times(scalar: int, point: Point) -> Point:
    total = (0, 1)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def at_height(y: int) -> Point | None:
    """The point with this y and an even x."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != square:
        return None
    return (P - x if x & 1 else x), y


def encoded(y: int, odd: int) -> bytes:
    return (y | odd * SIGN).to_bytes(32, "little")


def encode(point: Point) -> bytes:
    return encoded(point[1], point[0] & 1)


def order_eight() -> Point:
    """A generator of the points of small order."""
    for y in itertools.count(2):
        point = at_height(y)
        if point and times(4 * L, point) != (0, 1):
            return times(L, point)
    raise AssertionError


BASE = at_height(4 * pow(5, -1, P) % P) or (0, 0)
SMALL = [times(i, order_eight()) for i in range(8)]  # by multiples of one generator
# Other spellings of points of small order: y not reduced, or a sign where x is zero.
LONG = {0: [encoded(P + 1, 0), encoded(P + 1, 1), encoded(1, 1)], 4: [encoded(P - 1, 1)]}
for index in (2, 6):
    LONG[index] = [encoded(P, SMALL[index][0] & 1)]


def solve(
    name: str, a: int, i: int, r: int, j: int, *, valid: bool, miss: int = 0, **spelled: bytes
) -> Case:
    """A signature under key aB + iT with R = rB + jT that misses the equation by `miss` T.

    T is the generator of small order. The message is varied until the hash suits.
    """
    public = spelled.get("public") or encode(add(times(a, BASE), SMALL[i]))
    commitment = spelled.get("commitment") or encode(add(times(r, BASE), SMALL[j]))
    for number in itertools.count():
        message = b"message %d" % number
        digest = hashlib.sha512(commitment + public + message).digest()
        k = int.from_bytes(digest, "little") % L
        if (j + k * i - miss) % 8 == 0:
            s = (r + k * a) % L
            return case(name, public, message, commitment + s.to_bytes(32, "little"), valid)
    raise AssertionError


def case(name: str, public: bytes, message: bytes, signature: bytes, valid: bool = False) -> Case:
    return {
        "name": name,
        "public": public.hex(),
        "message": message.hex(),
        "signature": signature.hex(),
        "valid": valid,
    }


def mixed_orders() -> list[Case]:
    """Signatures whose equation holds, at least when multiplied by the cofactor 8."""
    a, r = SECRET, NONCE
    cases = [
        solve("honest", a, 0, r, 0, valid=True),
        solve("key of mixed order", a, 1, r, 0, valid=True),
        solve("key and R of mixed order", a, 1, r, 3, valid=True),
        solve("key of mixed order, only with the cofactor", a, 1, r, 0, valid=False, miss=4),
        solve("key and R of mixed order, only with the cofactor", a, 3, r, 1, valid=False, miss=5),
        solve("R of mixed order, only with the cofactor", a, 0, r, 1, valid=False, miss=1),
        solve("key and R of small order, S zero", 0, 1, 0, 5, valid=False),
        solve("key of small order, R mixed", 0, 1, r, 3, valid=False),
        solve("key and R zero, S zero", 0, 0, 0, 0, valid=False),
    ]
    for i in range(8):
        cases.append(solve(f"key of small order, {i}", 0, i, r, 0, valid=False))
        cases.append(solve(f"R of small order, {i}", a, 1 if i else 0, 0, i, valid=False))
    for i, spellings in LONG.items():
        for n, data in enumerate(spellings):
            cases.append(
                solve(f"key in a long form, {i}.{n}", 0, i, r, 0, valid=False, public=data)
            )
            cases.append(
                solve(
                    f"R in a long form, {i}.{n}",
                    a,
                    1 if i else 0,
                    0,
                    i,
                    valid=False,
                    commitment=data,
                )
            )
    return cases


def near() -> list[Case]:
    """Key and R beside each other and the base point, where additions have their corners."""
    numbers = [*range(1, 18), 2**32, 2**63, 2**64, 2**128, 2**192, 2**251, L // 2, L // 3]
    cases = []
    for n in numbers:
        cases += [
            solve(f"key {n:x} times the base point", n, 0, NONCE, 0, valid=True),
            solve(f"key minus {n:x} times the base point", L - n, 0, NONCE, 0, valid=True),
            solve(f"R {n:x} times the base point", SECRET, 0, n, 0, valid=True),
        ]
    cases += [
        solve("key and R the base point", 1, 0, 1, 0, valid=True),
        solve("R the key", SECRET, 0, SECRET, 0, valid=True),
        solve("R the key negated", SECRET, 0, L - SECRET % L, 0, valid=True),
    ]
    for i in range(1, 8):
        cases.append(solve(f"key the base point plus small order, {i}", 1, i, NONCE, i, valid=True))
        cases.append(solve(f"R the base point plus small order, {i}", SECRET, i, 1, i, valid=True))
    return cases


def flipped(data: bytes) -> bytes:
    """A point with the sign of x changed."""
    return data[:31] + bytes((data[31] ^ 0x80,))


def spoilt() -> list[Case]:
    """An honest signature with one thing wrong."""
    honest = solve("", SECRET, 0, NONCE, 0, valid=True)
    public, message, signature = (
        bytes.fromhex(honest[field]) for field in ("public", "message", "signature")
    )
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    nowhere = encoded(next(y for y in itertools.count(2) if not at_height(y)), 0)
    cases = [
        case(f"S plus {n} L", public, message, r + (s + n * L).to_bytes(32, "little"))
        for n in (1, 2, 8, 14)
    ]
    cases += [
        case("S negated", public, message, r + (L - s).to_bytes(32, "little")),
        case("S is L", public, message, r + L.to_bytes(32, "little")),
        case("S all ones", public, message, r + b"\xff" * 32),
        case("key off the curve", nowhere, message, signature),
        case("R off the curve", public, message, nowhere + signature[32:]),
        case("key all ones", b"\xff" * 32, message, signature),
        case("R all ones", public, message, b"\xff" * 32 + signature[32:]),
        case(
            "key with its sign changed",
            flipped(public),
            message,
            signature,
        ),
        case(
            "R with its sign changed",
            public,
            message,
            flipped(r) + signature[32:],
        ),
        case("all zero", bytes(32), b"", bytes(64)),
        case("no signature", public, message, b""),
        case("signature one byte short", public, message, signature[:-1]),
        case("signature one byte long", public, message, signature + b"\0"),
        case("signature ends in the message", public, signature[-1:] + message, signature[:-1]),
        case("message begins in the signature", public, message[1:], signature + message[:1]),
        case("no key", b"", message, signature),
        case("key one byte short", public[:-1], message, signature),
        case("key one byte long", public + b"\0", message, signature),
        case("message one byte short", public, message[:-1], signature),
        case("message one byte long", public, message + b"\0", signature),
    ]
    return cases


def signing() -> list[Case]:
    """Lines `secret:public:message:signature:` of the package's file, by message length."""
    lines = published("asymmetric/Ed25519/sign.input").read_text().split()
    cases = []
    for length in LENGTHS:
        secret, public, message, signed = lines[length].split(":")[:4]
        fields = {"seed": secret[:64], "public": public, "message": message}
        cases.append({**fields, "signature": signed[:128]})
    return cases


if __name__ == "__main__":
    write("ed25519.json", {"sign": signing(), "verify": mixed_orders() + spoilt() + near()})
