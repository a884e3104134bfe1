"""SHA-512 (FIPS 180-4), which MicroPython's hashlib lacks."""

from __future__ import annotations

_BLOCK = 128  # bytes
_MASK = 0xFFFFFFFFFFFFFFFF
_TWICE = 0x10000000000000001  # times a word: the word beside itself, so that a shift turns it

# The first 64 bits of the fractions of the square roots of the first 8 primes ...
# fmt: off
_START = (
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
)

# ... and of the cube roots of the first 80.
_ROUND = (
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
)
# fmt: on


def sha512(data: bytes) -> bytes:
    """The 64-byte digest."""
    rest = len(data) % _BLOCK
    zeros = (_BLOCK - 17 - rest) % _BLOCK
    tail = data[len(data) - rest :] + b"\x80" + bytes(zeros) + (len(data) * 8).to_bytes(16, "big")
    state: tuple[int, ...] = _START
    for at in range(0, len(data) - rest, _BLOCK):
        state = _compress(state, data, at)
    for at in range(0, len(tail), _BLOCK):
        state = _compress(state, tail, at)
    return b"".join([word.to_bytes(8, "big") for word in state])


def _schedule(block: bytes, at: int) -> list[int]:
    """The 80 words that the rounds take from one block (FIPS 180-4 §6.4.2, step 1)."""
    words = [int.from_bytes(block[i : i + 8], "big") for i in range(at, at + _BLOCK, 8)]
    for i in range(16, 80):
        x = words[i - 15] * _TWICE
        y = words[i - 2] * _TWICE
        low = (x >> 1 ^ x >> 8) & _MASK ^ words[i - 15] >> 7
        high = (y >> 19 ^ y >> 61) & _MASK ^ words[i - 2] >> 6
        words.append((words[i - 16] + low + words[i - 7] + high) & _MASK)
    return words


def _compress(state: tuple[int, ...], block: bytes, at: int) -> tuple[int, ...]:
    """The state after one block (FIPS 180-4 §6.4.2, steps 2 to 4; the names are the standard's)."""
    a, b, c, d, e, f, g, h = state
    words = _schedule(block, at)
    for i in range(80):
        x = e * _TWICE
        sum1 = (x >> 14 ^ x >> 18 ^ x >> 41) & _MASK
        t1 = h + sum1 + (g ^ e & (f ^ g)) + _ROUND[i] + words[i]
        x = a * _TWICE
        sum0 = (x >> 28 ^ x >> 34 ^ x >> 39) & _MASK
        t2 = sum0 + (a & b | c & (a | b))
        h, g, f, e = g, f, e, (d + t1) & _MASK
        d, c, b, a = c, b, a, (t1 + t2) & _MASK
    after = (a, b, c, d, e, f, g, h)
    return tuple([(state[i] + after[i]) & _MASK for i in range(8)])
