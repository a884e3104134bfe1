"""Write receiver/crypto/p256_base.py: the start of sums on P-256, and the base point's comb.

Usage: python -m simulator.tools.generate.p256_base
Affine arithmetic in plain integers, independent of the chip's.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import count
from pathlib import Path

from receiver.crypto.elements import P256, element

Point = tuple[int, int]

TARGET = Path(__file__).resolve().parents[3] / "receiver/crypto/p256_base.py"
TEETH, COLUMNS = 5, 52
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_P = P256.prime
_B = (G[1] ** 2 - G[0] ** 3 + 3 * G[0]) % _P


def add(p: Point, q: Point) -> Point:
    """Add two points that are not opposite."""
    numerator, denominator = (q[1] - p[1], q[0] - p[0])
    if p == q:
        numerator, denominator = 3 * p[0] ** 2 - 3, 2 * p[1]
    slope = numerator * pow(denominator, -1, _P)
    x = (slope**2 - p[0] - q[0]) % _P
    return x, (slope * (p[0] - x) - p[1]) % _P


def negative(point: Point) -> Point:
    return point[0], _P - point[1]


def doubled(point: Point, times: int) -> Point:
    for _ in range(times):
        point = add(point, point)
    return point


def comb(point: Point) -> list[Point]:
    """Return the highest tooth with each choice of signs before the others, bit 1 for plus."""
    *teeth, highest = [doubled(point, COLUMNS * tooth) for tooth in range(TEETH)]
    sums = [highest]
    for tooth in reversed(teeth):
        sums = [add(sum_, signed) for sum_ in sums for signed in (negative(tooth), tooth)]
    return sums


def start() -> Point:
    """Return a point whose multiple of another is unknown: its x is a hash."""
    for number in count():
        x = int.from_bytes(sha256(b"tillsign/1 start of sums %d" % number).digest(), "big") % _P
        square = (x**3 - 3 * x + _B) % _P
        y = pow(square, (_P + 1) // 4, _P)
        if y * y % _P == square:
            return x, y
    raise AssertionError


def source() -> str:
    """Return the file's text."""
    first = start()
    last = negative(doubled(first, COLUMNS))
    parts = [
        _constant("B", "b of the curve's equation", [_B]),
        _constant("START", "x, 2y and z of what a sum starts from", [*_halves(first), 1]),
        _constant("END", "x and 2y of its negative after every doubling", _halves(last)),
        _constant("TABLE", "x and 2y of each entry", [c for p in comb(G) for c in _halves(p)]),
    ]
    return "\n".join([_HEAD, *parts, "# fmt: on\n"])


def _halves(point: Point) -> list[int]:
    return [point[0], 2 * point[1]]


def _constant(name: str, comment: str, values: list[int]) -> str:
    lines = [f'    b"{_escaped(element(P256, value))}"' for value in values]
    return "\n".join([f"{name} = (  # {comment}", *lines, ")"])


def _escaped(data: bytes) -> str:
    return "".join(f"\\x{octet:02x}" for octet in data)


_HEAD = '''"""Made by `python -m simulator.tools.generate.p256_base`: P-256 as `p256.py` needs it.

An element of the field in each line.
"""

# fmt: off'''

if __name__ == "__main__":
    TARGET.write_text(source())
