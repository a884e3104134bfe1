"""The symmetric kernels as a chip runs them, against their twins."""

from __future__ import annotations

import hashlib
from math import isqrt
from random import Random

import pytest

from receiver.crypto import sha512
from receiver.crypto.twins import chacha20 as chacha20_twin
from receiver.crypto.twins import poly1305 as poly1305_twin
from receiver.crypto.twins import sha512 as sha512_twin
from simulator.tools import chip
from tests.support.values.vectors import load, parts

pytestmark = pytest.mark.emulator

KERNELS = "receiver/crypto/kernels/"
SCHEDULE = chip.kernel(KERNELS + "sha512.py", "schedule")
COMPRESS = chip.kernel(KERNELS + "sha512.py", "compress")
TURN = chip.kernel(KERNELS + "sha512.py", "turn")
XOR = chip.kernel(KERNELS + "chacha20.py", "xor")
START = chip.kernel(KERNELS + "poly1305.py", "start")
ABSORB = chip.kernel(KERNELS + "poly1305.py", "absorb")
FINISH = chip.kernel(KERNELS + "poly1305.py", "finish")

ROUNDS = 80
STATE, WORDS, SCRATCH = slice(0, 64), slice(128, 768), 776  # bytes of SHA-512's work
PRIME = 2**130 - 5
H = 80  # place of the sum's ten limbs in Poly1305's work
WORK = 120
ONES = 2**128 - 1
LIMB = 2**13
LOW_LIMIT = 2**22  # h's lowest limb takes in what is carried out at the top


def awkward(random: Random, size: int, word: int = 8) -> bytes:
    """Words of all zeros, all ones, a lone end of a carry, or anything."""
    full = 2 ** (8 * word) - 1
    values = (0, 1, full, full - 1, full >> 1, full // 2 + 1, full >> 4 * word, full << 4 * word)
    words = [random.choice((*values, random.getrandbits(8 * word))) for _ in range(size // word)]
    return b"".join([(value & full).to_bytes(word, "little") for value in words])


# SHA-512


def test_constants_are_roots_of_primes() -> None:
    primes = [n for n in range(2, 410) if all(n % d for d in range(2, isqrt(n) + 1))]
    assert len(primes) == ROUNDS
    for i, prime in enumerate(primes[:8]):
        root = int.from_bytes(sha512._START[56 - 8 * i : 64 - 8 * i], "little") | isqrt(prime) << 64
        assert root**2 < prime << 128 < (root + 1) ** 2
    for i, prime in enumerate(primes):
        whole = max(n for n in range(8) if n**3 < prime)
        root = int.from_bytes(sha512._ROUNDS[8 * i : 8 * i + 8], "little") | whole << 64
        assert root**3 < prime << 192 < (root + 1) ** 3


def blocks_of_sha512() -> list[tuple[bytes, bytes]]:
    """States and blocks."""
    random = Random(512)
    cases = [(fill * 64, other * 128) for fill in (b"\0", b"\xff") for other in (b"\0", b"\xff")]
    cases += [(awkward(random, 64), awkward(random, 128)) for _ in range(60)]
    return cases + [(random.randbytes(64), random.randbytes(128)) for _ in range(60)]


def test_sha512_blocks() -> None:
    for state, block in blocks_of_sha512():
        ours, theirs = (bytearray(state + b"\xee" * (SCRATCH - 64)) for _ in range(2))
        SCHEDULE.call(ours, 8, b"\xaa" * 8 + block)
        sha512_twin.schedule(theirs, 8, b"\xaa" * 8 + block)
        assert ours[: WORDS.stop] == theirs[: WORDS.stop]
        COMPRESS.call(ours, len(sha512._ROUNDS), sha512._ROUNDS)
        sha512_twin.compress(theirs, len(sha512._ROUNDS), sha512._ROUNDS)
        assert ours[STATE] == theirs[STATE]


def test_sha512_compresses_awkward_words() -> None:
    """Words that no block gives, so that every sum meets every carry."""
    random = Random(80)
    for _ in range(80):
        state = awkward(random, 64)
        ours = bytearray(state + state + awkward(random, SCRATCH - 128))
        theirs = bytearray(ours)
        constants = awkward(random, 8 * ROUNDS)
        COMPRESS.call(ours, len(constants), constants)
        sha512_twin.compress(theirs, len(constants), constants)
        assert ours[STATE] == theirs[STATE]


@pytest.mark.parametrize("size", [0, 1, 111, 112, 127, 128, 129, 239, 240, 256])
def test_sha512_digests(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sha512, "schedule", SCHEDULE.call)
    monkeypatch.setattr(sha512, "compress", COMPRESS.call)
    monkeypatch.setattr(sha512, "turn", TURN.call)
    message = Random(size).randbytes(size)
    assert sha512.sha512(message) == hashlib.sha512(message).digest()


# ChaCha20


@pytest.mark.parametrize("at", [0, 64])
@pytest.mark.parametrize("blocks", [0, 1, 2, 5])
def test_chacha20_blocks(blocks: int, at: int) -> None:
    random = Random(blocks)
    states = [bytes(64), b"\xff" * 64, b"\xff" * 32 + bytes(32)]
    states += [awkward(random, 64, 4) for _ in range(20)] + [
        random.randbytes(64) for _ in range(20)
    ]
    for start in states:
        data, state = bytearray(random.randbytes(at + 64 * blocks)), bytearray(start)
        expected, counted = bytearray(data), bytearray(start)
        chacha20_twin.xor(bytearray(), blocks, expected, counted, at)
        XOR.call(bytearray(random.randbytes(128)), blocks, data, state, at)
        assert data == expected
        assert state == counted


# Poly1305


def limbs(number: int) -> bytes:
    values = [(number >> 13 * i) % LIMB for i in range(10)]
    return b"".join([value.to_bytes(4, "little") for value in values])


def number(work: bytearray, at: int) -> int:
    """What ten limbs say, carried or not."""
    words = [int.from_bytes(work[i : i + 4], "little") for i in range(at, at + 40, 4)]
    return sum(word << 13 * i for i, word in enumerate(words))


def add_low(work: bytearray, value: int) -> None:
    """To the lowest limb of h, uncarried."""
    lowest = int.from_bytes(work[H : H + 4], "little") + value
    work[H : H + 4] = lowest.to_bytes(4, "little")


def keys() -> list[bytes]:
    random = Random(1305)
    edges = [bytes(32), b"\xff" * 32, b"\x01" + bytes(31), b"\x02" + bytes(15) + b"\xff" * 16]
    return edges + [awkward(random, 32, 4) for _ in range(60)]


def test_poly1305_starts() -> None:
    for key in keys():
        ours, theirs = bytearray(b"\xee" * WORK), bytearray(WORK)
        our_key, their_key = bytearray(key), bytearray(key)
        START.call(ours, our_key)
        poly1305_twin.start(theirs, their_key)
        assert ours == theirs
        assert our_key == their_key


def sums() -> list[int]:
    """Values of h: at the prime, at the ends of limbs, and at the ends of carries."""
    edges = [0, 1, 2**128 - 1, 2**128, 2**129, 2**130 - 1]
    edges += [PRIME + i for i in range(-6, 5)]
    edges += [2 ** (13 * i) - 1 for i in range(1, 11)] + [2**130 - 2 ** (13 * i) for i in range(10)]
    random = Random(130)
    return edges + [random.getrandbits(130) for _ in range(40)]


@pytest.mark.parametrize("r", [0, 1, 2, 5, ONES, 1 << 124, 0x0FFFFFFC << 96])
def test_poly1305_absorbs(r: int) -> None:
    """From any sum below 2^130, and from the largest that a block leaves in the lowest limb."""
    random = Random(r)
    for h in sums():
        for low in (0, LOW_LIMIT - LIMB):
            key = bytearray(r.to_bytes(16, "little") + bytes(16))
            ours = bytearray(WORK)
            poly1305_twin.start(ours, key)
            ours[H:] = limbs(h)
            add_low(ours, low)
            theirs = bytearray(ours)
            data = awkward(random, 16 * 3) if low else b"\xff" * 48
            ABSORB.call(3, ours, data, 0)
            poly1305_twin.absorb(3, theirs, bytes(16) + data, 16)
            assert number(ours, H) % PRIME == number(theirs, H)
            assert int.from_bytes(ours[H : H + 4], "little") < LOW_LIMIT
            assert ours[:H] == theirs[:H]


@pytest.mark.parametrize("s", [0, 1, 5, ONES, ONES - 4, ONES // 3])
def test_poly1305_finishes(s: int) -> None:
    for h in sums():
        for low in (0, 1, LIMB - 1, LOW_LIMIT - LIMB):
            ours, ends = bytearray(bytes(H) + limbs(h)), bytearray(16) + s.to_bytes(16, "little")
            add_low(ours, low)
            theirs, expected = bytearray(ours), bytearray(ends)
            FINISH.call(ours, ends)
            poly1305_twin.finish(theirs, expected)
            assert ends == expected
            assert int.from_bytes(expected[16:], "little") == ((h + low) % PRIME + s) % 2**128


def test_poly1305_vectors() -> None:
    for case in load("chacha20poly1305.json")["poly1305"]:
        secret, message, tag = parts(case, "key", "msg", "tag")
        work, key = bytearray(WORK), bytearray(secret)
        START.call(work, key)
        ABSORB.call(len(message) // 16, work, bytearray(32) + message, 32)
        FINISH.call(work, key)
        assert key[16:] == tag


def test_no_secret_changes_the_time() -> None:
    """The same number of instructions, whatever the keys, sums and messages are."""
    counts = set()
    random = Random(0)
    for fill in (bytes, lambda n: b"\xff" * n, random.randbytes):
        work, key = bytearray(SCRATCH), bytearray(fill(32))
        taken = []
        for kernel, arguments in (
            (SCHEDULE, (bytearray(fill(SCRATCH)), 0, fill(128))),
            (COMPRESS, (bytearray(fill(SCRATCH)), 640, fill(640))),
            (XOR, (bytearray(128), 2, bytearray(fill(128)), bytearray(fill(64)), 0)),
            (TURN, (bytearray(fill(64)),)),
            (START, (work, key)),
            (ABSORB, (3, work, fill(48), 0)),
            (FINISH, (work, key)),
        ):
            kernel.call(*arguments)
            taken.append(kernel.instructions)
        counts.add(tuple(taken))
    assert len(counts) == 1
