"""P-256's tables, sums and coincidences, against plain affine arithmetic."""

from __future__ import annotations

from hashlib import sha256
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from receiver.crypto import p256, portable
from receiver.crypto.elements import P256, SIZE, element, integer
from receiver.crypto.job import finish
from receiver.crypto.p256_base import END, START, TABLE
from simulator.crypto.p256 import p256_public, p256_sign
from simulator.tools.generate import p256_base
from simulator.tools.generate.p256_base import G, Point
from tests.receiver.crypto.back_ends import p256_verify

P = P256.prime
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
COLUMNS = 52
MESSAGE = b"till 7"
RANDOM = Random(256)
# What a phone may choose its key to be, so that points of the sum lie beside each other.
MULTIPLES = [1, 2, 3, 4, 5, 15, 16, 2**52, 2**52 + 1, 2**104, 2**208, 2**255, N // 2, N // 3]
MULTIPLES += [N - m for m in MULTIPLES]


def times(scalar: int) -> Point:
    """A multiple of the base point, by OpenSSL."""
    public = derive_private_key(scalar % N, SECP256R1()).public_key().public_numbers()
    return public.x, public.y


def key(scalar: int) -> bytearray:
    x, y = times(scalar)
    ready = finish(p256.key_job(bytes([2 + y % 2]) + x.to_bytes(32, "big")))
    assert ready is not None
    return ready


def numbers(table: bytes | bytearray) -> list[int]:
    return [integer(P256, table[at : at + SIZE]) for at in range(0, len(table), SIZE)]


def entries() -> list[int]:
    """What the comb's entries are multiples of their point by."""
    found = [2**208]
    for tooth in (2**156, 2**104, 2**52, 1):
        found = [entry + signed for entry in found for signed in (-tooth, tooth)]
    return found


def digits(scalar: int) -> list[int]:
    """The multiple that each column of the comb adds, the highest first."""
    odd = scalar if scalar % 2 else scalar - N
    signs = [1 if (odd + 2**260 - 1) // 2 >> bit & 1 else -1 for bit in range(260)]
    columns = [sum(signs[c + 52 * t] << 52 * t for t in range(5)) for c in range(COLUMNS)]
    assert sum(column << c for c, column in enumerate(columns)) % N == scalar % N
    return columns[::-1]


def total(u1: int, u2: int, ready: bytearray) -> Point | None:
    machine = finish(p256._sum_job(u1, u2, ready))
    x, twice_y, z = (machine.get(at) for at in range(3))
    if z == 0:
        return None
    return x * pow(z, -2, P) % P, twice_y * pow(2 * z**3, -1, P) % P


@pytest.mark.parametrize("multiple", [*MULTIPLES, 0x6B1F0C2B5A496877 << 190], ids=hex)
def test_a_keys_table(multiple: int) -> None:
    points = [times(entry * multiple) for entry in entries()]
    expected = [number for x, y in points for number in (x, 2 * y % P)]
    assert numbers(key(multiple)) == expected


def test_the_base_points_table_and_where_sums_begin() -> None:
    assert numbers(TABLE) == numbers(key(1))
    x, y = p256_base.start()
    assert (y * y - x**3 + 3 * x) % P == (G[1] ** 2 - G[0] ** 3 + 3 * G[0]) % P
    assert numbers(START) == [x, 2 * y % P, 1]
    end = p256_base.negative(p256_base.doubled((x, y), COLUMNS))
    assert numbers(END) == [end[0], 2 * end[1] % P]


@pytest.mark.parametrize("multiple", MULTIPLES, ids=hex)
def test_sums(multiple: int) -> None:
    """Near each other, opposite, or with nothing left."""
    ready = key(multiple)
    inverse = pow(multiple, -1, N)
    factors = [(0, 1), (1, 0), (1, 1), (1, N - 1), (2, 1), (0, 2**255), (2**255, 1), (N - 1, N - 2)]
    factors += [(multiple, 1), (1, inverse), (N - multiple, 1), (N - 1, inverse), (0, 0)]
    factors += [(RANDOM.randrange(N), RANDOM.randrange(N)) for _ in range(3)]
    for u1, u2 in factors:
        scalar = (u1 + u2 * multiple) % N
        assert total(u1, u2, ready) == (times(scalar) if scalar else None)


def begin_at(monkeypatch: pytest.MonkeyPatch, scalar: int) -> None:
    """Let sums begin at a known multiple of the base point, as none may in truth."""
    for name, point in (("START", times(scalar)), ("END", times(-scalar << COLUMNS))):
        parts = [point[0], 2 * point[1], *([1] if name == "START" else [])]
        monkeypatch.setattr(p256, name, b"".join([element(P256, part) for part in parts]))


@pytest.mark.parametrize("column", [0, 1, 25, 50, 51])
@pytest.mark.parametrize("adds_key", [False, True])
@pytest.mark.parametrize("sign", [1, -1], ids=["equal", "opposite"])
def test_coincidences_are_refused(
    monkeypatch: pytest.MonkeyPatch, column: int, adds_key: bool, sign: int
) -> None:
    """Wherever two points coincide, Z ends at 0; and nothing passes, not even 0 = 0."""
    secret = 0x1234567
    private = secret.to_bytes(32, "big")
    public, signature = p256_public(private), p256_sign(private, MESSAGE)
    r, s = (int.from_bytes(signature[at : at + 32], "big") for at in (0, 32))
    digest = int.from_bytes(sha256(MESSAGE).digest(), "big")
    u1, u2 = digest * pow(s, -1, N) % N, r * pow(s, -1, N) % N
    sum_ = 0  # START's part apart, up to the addition where two points shall meet
    for one, other in list(zip(digits(u1), digits(u2), strict=True))[: column + 1]:
        sum_ = 2 * sum_ + one + other * secret
    sum_ -= other * secret if adds_key else one + other * secret
    entry = other * secret if adds_key else one
    begin_at(monkeypatch, (sign * entry - sum_) * pow(2, -column - 1, N))
    ready = key(secret)
    assert total(u1, u2, ready) is None
    assert not finish(p256.check_job(ready, MESSAGE, signature))
    assert not p256_verify(portable, public, MESSAGE, signature)
    begin_at(monkeypatch, 0xABCDEF)
    assert p256_verify(portable, public, MESSAGE, signature)
