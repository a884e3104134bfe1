"""Writes x25519.json: RFC 7748 §5.2 from cryptography_vectors, and what an agreement can get wrong.

The rest is computed here, on the curve v² = u³ + 486662u² + u and its twist in affine coordinates,
one point addition after the other: no Montgomery ladder, as that is what is tested.
"""

from __future__ import annotations

import hashlib
import itertools
import re

from table import Case, published, write

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
TWIST_L = 2**253 - 55484635554744707071703875581767296995  # order of the twist's prime subgroup
A = 486662
SECRETS = [hashlib.sha256(b"private key %d" % number).digest() for number in range(3)]
# The orders of LOW_ORDER: 2, 4, 8, 8, and on the twist 4.
ORDER_8 = (
    0xB8495F16056286FDB1329CEB8D09DA6AC49FF1FAE35616AEB8413B7C7AEBE0,
    0x57119FD0DD4E22D8868E1C58C45C44045BEF839C55B1D0B1248C50A3BC959C5F,
)
LOW_ORDER = (0, 1, *ORDER_8, P - 1)
# RFC 7748 §6.1
ALICE = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
BOB = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
BOB_PUBLIC = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
AGREED = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"

Point = tuple[int, int] | None  # (u, v); None is the point at infinity


def root(square: int) -> int | None:
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    return x if x * x % P == square % P else None


class Curve:
    """b·v² = u³ + A·u² + u, with b = 1 or, for the twist, 2."""

    def __init__(self, b: int) -> None:
        self.b = b

    def at(self, u: int) -> Point:
        v = root((u * u * u + A * u * u + u) * pow(self.b, -1, P) % P)
        return None if v is None else (u, v)

    def add(self, p: Point, q: Point) -> Point:
        if p is None or q is None:
            return p or q
        if p[0] == q[0]:
            if (p[1] + q[1]) % P == 0:
                return None
            slope = (3 * p[0] ** 2 + 2 * A * p[0] + 1) * pow(2 * self.b * p[1], -1, P)
        else:
            slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
        u = (self.b * slope * slope - A - p[0] - q[0]) % P
        return u, (slope * (p[0] - u) - p[1]) % P

    def times(self, scalar: int, point: Point) -> Point:
        total: Point = None
        for bit in f"{scalar:b}":
            total = self.add(total, total)
            if bit == "1":
                total = self.add(total, point)
        return total


CURVE, TWIST = Curve(1), Curve(2)


def octets(number: int) -> bytes:
    return number.to_bytes(32, "little")


def clamped(private: bytes) -> int:
    """RFC 7748 §5."""
    return int.from_bytes(private, "little") & 2**255 - 8 & ~(1 << 255) | 1 << 254


def shared(private: bytes, public: bytes) -> bytes | None:
    """What both sides compute; None for infinity, which X25519 spells as zeros."""
    u = int.from_bytes(public, "little") % 2**255 % P
    curve = CURVE if CURVE.at(u) else TWIST
    point = curve.times(clamped(private), curve.at(u))
    return octets(point[0]) if point and point[0] else None


def case(name: str, private: bytes, public: bytes) -> Case:
    secret = shared(private, public)
    return {
        "name": name,
        "private": private.hex(),
        "public": public.hex(),
        "shared": secret.hex() if secret else None,
    }


def rfc7748() -> list[Case]:
    text = published("asymmetric/X25519/rfc7748.txt").read_text()
    pattern = r"INPUT_SCALAR = (\w+)\nINPUT_U = (\w+)\nOUTPUT_U = (\w+)"
    cases = []
    for number, found in enumerate(re.findall(pattern, text), 1):
        private, public, result = map(bytes.fromhex, found)
        assert shared(private, public) == result
        cases.append(case(f"RFC 7748 5.2, {number}", private, public))
    to_bob = case("RFC 7748 6.1, Alice", ALICE, bytes.fromhex(BOB_PUBLIC))
    assert to_bob["shared"] == AGREED
    assert shared(BOB, shared(ALICE, octets(9)) or b"") == bytes.fromhex(AGREED)
    cases.append(to_bob)
    return cases


def spellings(u: int) -> list[bytes]:
    """Every string of 32 bytes that means this u: below 2^255 or not, the top bit set or not."""
    values = [u] if u >= 19 else [u, u + P]
    return [octets(value | top) for value in values for top in (0, 1 << 255)]


def low_order() -> list[Case]:
    """All of them give zero whatever the private key, and so None."""
    cases = []
    for u, private in itertools.product(LOW_ORDER, SECRETS[:2]):
        for number, public in enumerate(spellings(u)):
            entry = case(f"low order, {u:x}, spelled {number}", private, public)
            assert entry["shared"] is None
            cases.append(entry)
    return cases


def special() -> list[Case]:
    """Long forms, the twist, points of mixed order, and the ends of the field."""
    numbers = [2, 3, 4, 5, 9, 16, 18, *(P - n for n in (2, 3, 4, 9, 19)), 2**254, 2**255 - 20]
    numbers += [2**n - 1 for n in (16, 32, 64, 128, 192, 224, 240, 253, 254)]
    numbers += [sum(0xFFFF << n for n in range(0, 256, 32)) % P, int("5" * 63, 16)]
    cases = []
    for u in numbers:
        for number, public in enumerate(spellings(u % P)):
            cases.append(case(f"u {u % P:x}, spelled {number}", SECRETS[0], public))
    base = CURVE.at(9)
    for u in (0, *ORDER_8):
        mixed = CURVE.add(CURVE.times(clamped(SECRETS[1]), base), CURVE.at(u))
        assert mixed
        cases.append(case(f"mixed order, {u:x}", SECRETS[0], octets(mixed[0])))
    return cases


def privates() -> list[Case]:
    """Bits that are cleared or set, and scalars at which a ladder or a table ends."""
    plain = SECRETS[0]
    peer = octets((CURVE.times(clamped(SECRETS[2]), CURVE.at(9)) or (0, 0))[0])
    keys = {
        "zeros": bytes(32),
        "ones": b"\xff" * 32,
        "lowest bits set": bytes((plain[0] | 7,)) + plain[1:],
        "top bit set": plain[:31] + bytes((plain[31] | 0x80,)),
        "top bits clear": plain[:31] + bytes((plain[31] & 0x3F,)),
        "least": octets(2**254),
        "greatest": octets(2**255 - 8),
        "near 4 L": octets(4 * L - 4 * L % 8),
        "above 4 L": octets(4 * L - 4 * L % 8 + 8),
        "near the twist's order": octets(2 * TWIST_L - 2 * TWIST_L % 8),
        "alternating": b"\x55" * 32,
        "alternating, the other": b"\xaa" * 32,
    }
    cases = [case(f"private key: {name}", key, peer) for name, key in keys.items()]
    twist = next(octets(u) for u in itertools.count(2) if CURVE.at(u) is None)
    return cases + [case(f"private key on the twist: {n}", k, twist) for n, k in keys.items()]


def sizes() -> list[Case]:
    """A public key that is not 32 bytes gives None."""
    public = octets(9)
    wrong = {"empty": b"", "short": public[:31], "long": public + b"\0", "twice": public * 2}
    fields = {"private": SECRETS[0].hex(), "shared": None}
    return [{"name": f"public key: {n}", "public": w.hex(), **fields} for n, w in wrong.items()]


def publics() -> list[Case]:
    """Public keys of private ones."""
    keys = [*SECRETS, *(bytes.fromhex(entry["private"]) for entry in privates()[:12])]
    return [
        {"private": key.hex(), "public": case("", key, octets(9))["shared"]}
        for key in [ALICE, BOB, *keys]
    ]


if __name__ == "__main__":
    agreed = rfc7748() + low_order() + special() + privates() + sizes()
    write("x25519.json", {"public": publics(), "shared": agreed})
