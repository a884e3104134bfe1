"""Elements in and out, their inverses, and digits of combs: a chip computes what the twin does."""

from __future__ import annotations

from random import Random

import pytest

from receiver.crypto import elements
from receiver.crypto.elements import CURVE25519, P256, SIZE
from receiver.crypto.scratch import SCRATCH
from receiver.crypto.twins import limbs as twin
from simulator.tools.chip.emulator import kernel

pytestmark = pytest.mark.emulator

RANDOM = Random(13)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
MODULI = [CURVE25519.prime, P256.prime, ORDER, 3, 2**255 - 1, 2**256 - 1]
NAMES = ("split", "join", "invert", "comb", "move", "wipe")
KERNEL = {name: kernel("receiver/crypto/kernels/limbs.py", name) for name in NAMES}


@pytest.fixture
def on_chip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `elements` run the chip's code."""
    for name in ("split", "join", "invert", "wipe"):
        monkeypatch.setattr(elements, name, KERNEL[name].call)


def numbers() -> list[int]:
    edges = [0, 1, 2, 2**13 - 1, 2**13, 2**247, 2**255 - 19, 2**256 - 1, 2**260 - 1]
    return edges + [RANDOM.getrandbits(260) for _ in range(20)]


@pytest.mark.parametrize("at", [0, SIZE, 3 * SIZE])
def test_in_and_out(at: int) -> None:
    for number in numbers():
        octets = number.to_bytes(33, "little")
        ours, theirs, out = bytearray(b"\xee" * 160), bytearray(b"\xee" * 160), bytearray(40)
        KERNEL["split"].call(octets, at, ours)
        twin.split(octets, at, theirs)
        assert ours == theirs
        KERNEL["join"].call(out, at, ours)
        assert out == octets + bytes(7)


def test_uncarried_limbs_come_out_carried() -> None:
    for limbs in ([8191] * 20, [8191, 8191, 8194, *[8191] * 16, 8000], [0] * 19 + [0xFFFF]):
        element = b"".join([limb.to_bytes(2, "little") for limb in limbs])
        ours, theirs = bytearray(33), bytearray(33)
        KERNEL["join"].call(ours, 0, element)
        twin.join(theirs, 0, element)
        assert ours == theirs


@pytest.mark.parametrize("modulus", MODULI, ids=hex)
def test_inverses(on_chip: None, modulus: int) -> None:
    values = [0, 1, 2, 3, modulus - 1, modulus - 2, modulus // 2, modulus // 3, 1 << 128]
    values += [(1 << bit) % modulus for bit in range(0, 256, 17)]
    values += [RANDOM.randrange(modulus) for _ in range(60)]
    for value in values:
        value %= modulus
        try:
            expected = pow(value, -1, modulus)
        except ValueError:
            continue  # no inverse: not asked for, but of 0
        assert elements.inverse(value, modulus) == expected
    assert elements.inverse(0, modulus) == 0
    assert not any(SCRATCH)


def test_inversion_takes_little_time(on_chip: None) -> None:
    for modulus in MODULI[:3]:
        for _ in range(30):
            elements.inverse(RANDOM.randrange(1, modulus), modulus)
            assert KERNEL["invert"].instructions < 230_000


@pytest.mark.parametrize(("columns", "teeth", "size"), [(64, 4, 32), (52, 5, 33)])
def test_digits_of_combs(columns: int, teeth: int, size: int) -> None:
    counts = set()
    for scalar in (bytes(size), b"\xff" * size, *(RANDOM.randbytes(size) for _ in range(10))):
        ours, theirs = bytearray(columns), bytearray(columns)
        KERNEL["comb"].call(ours, columns, scalar, teeth)
        twin.comb(theirs, columns, scalar, teeth)
        assert ours == theirs
        counts.add(KERNEL["comb"].instructions)
        whole = int.from_bytes(scalar, "little") % 2 ** (columns * teeth)
        parts = [
            sum((ours[i] >> t & 1) << (columns - 1 - i) for i in range(columns))
            for t in range(teeth)
        ]
        assert sum(part << columns * t for t, part in enumerate(parts)) == whole
    assert len(counts) == 1  # whatever the scalar is


def test_moving_and_wiping() -> None:
    source = RANDOM.randbytes(200)
    ours, theirs = bytearray(b"\xee" * 160), bytearray(b"\xee" * 160)
    KERNEL["move"].call(ours, 40, source, 80, 120)
    twin.move(theirs, 40, source, 80, 120)
    assert ours == theirs == b"\xee" * 40 + source[80:]
    KERNEL["wipe"].call(ours, 120)
    twin.wipe(theirs, 120)
    assert ours == theirs == bytes(120) + source[160:]
