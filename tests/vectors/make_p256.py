"""Writes p256.json: RFC 6979 from cryptography_vectors, and what a verifier can get wrong.

Everything else is computed here, in affine coordinates and sharing nothing with the product. A
signature is made backwards where a corner asks for it: whoever may choose the key can have any r, s
and sum of points.
"""

from __future__ import annotations

import hashlib
import itertools
import re

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from table import Case, published, write

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
SECRET = 0x6B1F0C2B5A49687786958473625140FEDCBA98765432100123456789ABCDEF01
NONCE = 0x4142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F60
HALF = N // 2

Point = tuple[int, int] | None  # None is the point at infinity


def add(p: Point, q: Point) -> Point:
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if (p[1] + q[1]) % P == 0:
            return None
        slope = 3 * (p[0] * p[0] - 1) * pow(2 * p[1], -1, P)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def times(scalar: int, point: Point) -> Point:
    total: Point = None
    for bit in f"{scalar % N:b}":
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def at(x: int) -> Point:
    """The point with this x and an even y; None where there is none."""
    square = (x * x * x - 3 * x + B) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        return None
    return x, (P - y if y & 1 else y)


G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
assert times(N - 1, G) == (G[0], P - G[1])


def digest(message: bytes) -> int:
    return int.from_bytes(hashlib.sha256(message).digest(), "big")


def over(a: int, b: int) -> int:
    return a * pow(b, -1, N) % N


def octets(number: int) -> bytes:
    return number.to_bytes(32, "big")


def compressed(point: Point) -> bytes:
    assert point
    return bytes((2 + point[1] % 2,)) + octets(point[0])


def case(name: str, public: bytes, message: bytes, signature: bytes, valid: bool) -> Case:
    fields = {"public": public, "message": message, "signature": signature}
    return {"name": name, **{key: data.hex() for key, data in fields.items()}, "valid": valid}


def signed(name: str, key: Point, message: bytes, r: int, s: int, *, valid: bool) -> Case:
    return case(name, compressed(key), message, octets(r) + octets(s), valid)


def low(s: int) -> int:
    return min(s, N - s)


def honest(name: str, secret: int, nonce: int, message: bytes) -> Case:
    r = (times(nonce, G) or G)[0] % N
    s = over(digest(message) + r * secret, nonce)
    return signed(name, times(secret, G), message, r, low(s), valid=True)


def for_point(name: str, point: Point, s: int, valid: bool, r: int | None = None) -> Case:
    """A key under which u1·G + u2·Q is `point`, for this s and the r that is its x."""
    assert point
    message = name.encode()
    r = point[0] % N if r is None else r
    sum_ = add(times(s, point), times(-digest(message), G))
    return signed(name, times(over(1, r), sum_), message, r, s, valid=valid)


def for_scalars(u1: int, u2: int) -> Case:
    """A key and message where the verifier has just these factors of G and Q."""
    for number in itertools.count():
        message = b"message %d" % number
        s = over(digest(message), u1)
        r = u2 * s % N
        point = at(r)
        if point and s <= HALF:
            key = times(over(1, u2), add(point, times(-u1, G)))
            return signed(f"u1 {u1:x}, u2 {u2:x}", key, message, r, s, valid=True)
    raise AssertionError


def rfc6979() -> list[Case]:
    """A.2.5, SHA-256. One has its s in the high form: refused as it stands there."""
    text = published("asymmetric/ECDSA/RFC6979/evppkey_ecdsa_rfc6979.txt").read_text()
    pem = re.search(r"PublicKey=P-256_PUB\n(.*?END PUBLIC KEY-----)", text, re.DOTALL)
    assert pem
    key = load_pem_public_key(pem[1].encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    public = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    cases = []
    for entry in re.finditer(
        r'DigestVerify = SHA256\nKey = P-256_PUB\nInput = "(\w+)"\nOutput = (\w+)\n(Result)?', text
    ):
        message = entry[1].encode()
        r, s = decode_dss_signature(bytes.fromhex(entry[2]))
        for value in {s, low(s)}:
            valid = not entry[3] and value <= HALF
            name = f"RFC 6979, {entry[1]}, s {'low' if value <= HALF else 'high'}"
            name += ", spoilt" if entry[3] else ""
            cases.append(case(name, public, message, octets(r) + octets(value), valid))
    assert len(cases) > 4
    return sorted(cases, key=lambda entry: str(entry["name"]))


def first_at(x: int, step: int = 1) -> Point:
    return next(point for point in map(at, itertools.count(x, step)) if point)


def bounds() -> list[Case]:
    """The equation holds in each; r and s stand at their bounds."""
    r_point = times(NONCE, G)
    cases = [
        for_point("s is 1", r_point, 1, True),
        for_point("s is 2", r_point, 2, True),
        for_point("s is (n-1)/2", r_point, HALF, True),
        for_point("s is (n+1)/2", r_point, HALF + 1, False),
        for_point("s is n-1", r_point, N - 1, False),
        for_point("s is n-2", r_point, N - 2, False),
        for_point("s is 2^255-1", r_point, 2**255 - 1, False),
        for_point("s is n+1", r_point, N + 1, False),
        for_point("r is the least there is", first_at(1), 5, True),
        for_point("r is the greatest there is", first_at(N - 1, -1), 5, True),
        for_point("x of the sum is not below n", first_at(N + 1), 5, True),
        for_point("x of the sum is just below p", first_at(P - 1, -1), 5, True),
    ]
    wrapped = first_at(N + 1)
    assert wrapped
    cases.append(for_point("r is not below n", wrapped, 5, False, r=wrapped[0]))
    r = P - N + 12
    while not at(r + N - P):
        r += 1
    cases.append(for_point("r plus n is x modulo p", at(r + N - P), 5, False, r=r))
    small = first_at(1)
    assert small
    cases.append(for_point("r is x plus n", small, 5, False, r=small[0] + N))
    return cases


def sums() -> list[Case]:
    """Where the additions of points have their corners."""
    message = b"a sum of points"
    e = digest(message)
    r = (times(NONCE, G) or G)[0] % N
    nowhere = times(over(-e, r), G)
    cases = [
        signed(f"infinite sum, s is {s}", nowhere, message, r, s, valid=False) for s in (1, r % 999)
    ]
    name = "both halves of the sum are equal"
    cases.append(
        signed(name, times(over(e, r), G), message, r, low(over(2 * e, NONCE)), valid=True)
    )
    numbers = [1, 2, 3, 15, 16, 17, 2**64, 2**128, 2**192, 2**255, 0x5555 << 238]
    for u in numbers:
        cases += [for_scalars(u, SECRET), for_scalars(SECRET, u), for_scalars(u, u)]
        cases += [for_scalars(N - u, u), for_scalars(u, N - u)]
    cases += [for_scalars(N - 1, N - 1), for_scalars(HALF, HALF + 1), for_scalars(2**240 - 1, 1)]
    secrets = [*range(1, 18), *(2**i for i in (8, 32, 43, 52, 64, 128, 192, 224))]
    for d in secrets:
        cases += [honest(f"key {d:x}", d, NONCE, message)]
        cases += [honest(f"key n-{d:x}", N - d, NONCE, message)]
    cases += [honest(f"nonce {k}", SECRET, k, message) for k in (1, 2, 3, 16)]
    return cases


def wrong() -> list[Case]:
    """An honest signature with one thing wrong, and three with nothing."""
    good = honest("honest", SECRET, NONCE, b"till 7")
    public, message, signature = (
        bytes.fromhex(good[field]) for field in ("public", "message", "signature")
    )
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
    cases = [good, honest("empty message", SECRET, NONCE, b"")]
    cases.append(honest("long message", SECRET, NONCE, bytes(range(256)) * 4))

    def spoilt(name: str, **parts: bytes) -> None:
        fields = {"public": public, "message": message, "signature": signature, **parts}
        cases.append(case(name, **fields, valid=False))

    numbers = {"0": 0, "1": 1, "n": N, "n+1": N + 1, "p": P, "2^256-1": 2**256 - 1}
    for name, value in numbers.items():
        spoilt(f"r replaced by {name}", signature=octets(value) + octets(s))
        spoilt(f"s replaced by {name}", signature=octets(r) + octets(value))
        for other, second in numbers.items():
            spoilt(f"r {name}, s {other}", signature=octets(value) + octets(second))
    spoilt("s in its high form", signature=octets(r) + octets(N - s))
    spoilt("r negated", signature=octets(N - r) + octets(s))
    spoilt("r and s swapped", signature=octets(s) + octets(r))
    spoilt("little endian", signature=octets(r)[::-1] + octets(s)[::-1])
    spoilt("DER", signature=bytes((48, 69, 2, 33, 0)) + octets(r) + b"\2\x20" + octets(s))
    spoilt("no signature", signature=b"")
    spoilt("one byte short", signature=signature[:-1])
    spoilt("one byte long", signature=signature + b"\0")
    spoilt("a leading zero", signature=b"\0" + signature)
    spoilt("message ends early", message=message[:-1])
    spoilt("message goes on", message=message + b"\0")
    spoilt("message is the digest", message=hashlib.sha256(message).digest())
    spoilt("another key", public=compressed(times(SECRET + 1, G)))
    cases += [
        {**cases[0], "name": f"key: {k['name']}", "public": k["public"], "valid": False}
        for k in keys()
        if not k["valid"]
    ]
    spoilt("key with its sign changed", public=bytes((public[0] ^ 1,)) + public[1:])
    return cases


def keys() -> list[Case]:
    """Encodings of points: `valid` are the canonical compressed ones of points on the curve."""
    x, y = times(SECRET, G) or G
    least = first_at(1)
    assert least
    cases: dict[str, tuple[bytes, bool]] = {
        "even y": (b"\2" + octets(x), True),
        "odd y": (b"\3" + octets(x), True),
        "base point": (compressed(G), True),
        "x is 0, even y": (b"\2" + octets(0), True),
        "x is 0, odd y": (b"\3" + octets(0), True),
        "the greatest x": (compressed(first_at(P - 1, -1)), True),
        "x above n": (compressed(first_at(N + 1)), True),
        "nothing": (b"", False),
        "infinity": (b"\0", False),
        "infinity, drawn out": (bytes(33), False),
        "uncompressed": (b"\4" + octets(x) + octets(y), False),
        "hybrid": (bytes((6 + y % 2,)) + octets(x) + octets(y), False),
        "x and y without a prefix": (octets(x) + octets(y), False),
        "x alone": (octets(x), False),
        "one byte short": (b"\2" + octets(x)[:-1], False),
        "one byte long": (b"\2" + octets(x) + b"\0", False),
        "all ones": (b"\xff" * 33, False),
        "x all ones": (b"\2" + b"\xff" * 32, False),
        "x is p": (b"\2" + octets(P), False),
        "x is p, odd": (b"\3" + octets(P), False),
        "x is p plus an x": (b"\2" + octets(P + least[0]), False),
    }
    for prefix in (0, 1, 4, 5, 6, 7, 0x82, 0xFF):
        cases[f"prefix {prefix:02x}"] = (bytes((prefix,)) + octets(x), False)
    off = [number for number in range(99) if at(number) is None][:6]
    cases |= {f"off the curve, x {n}": (b"\2" + octets(n), False) for n in off}
    return [{"name": n, "public": d.hex(), "valid": v} for n, (d, v) in cases.items()]


if __name__ == "__main__":
    write("p256.json", {"keys": keys(), "verify": rfc6979() + wrong() + bounds() + sums()})
