"""Process one block of SHA-512 in whole words; ../sha512.py defines the work area."""

from __future__ import annotations

_MASK = 0xFFFFFFFFFFFFFFFF
_TWICE = 0x10000000000000001  # times a word: two copies side by side, so that a shift rotates it
_STATE, _COPY, _WORDS, _COUNT = 0, 64, 128, 80  # places of bytes, and how many words there are


def schedule(work: bytearray | memoryview, at: int, data: bytes | bytearray | memoryview) -> None:
    """Do what the kernel does (FIPS 180-4 §6.4.2, step 1)."""
    work[_COPY:_WORDS] = work[_STATE:_COPY]
    words = [int.from_bytes(data[i : i + 8], "big") for i in range(at, at + 128, 8)]
    for i in range(16, _COUNT):
        x = words[i - 15] * _TWICE
        y = words[i - 2] * _TWICE
        low = (x >> 1 ^ x >> 8) & _MASK ^ words[i - 15] >> 7
        high = (y >> 19 ^ y >> 61) & _MASK ^ words[i - 2] >> 6
        words.append((words[i - 16] + low + words[i - 7] + high) & _MASK)
    _put(work, _WORDS, words)


def compress(work: bytearray | memoryview, size: int, rounds: bytes) -> None:
    """Do what the kernel does, but for the scratch behind the state (steps 2 to 4, same names)."""
    state = h, g, f, e, d, c, b, a = _take(work, _COPY, 8)
    words, constants = _take(work, _WORDS, _COUNT), _take(rounds, 0, size // 8)
    for word, constant in zip(words, constants):  # noqa: B905
        x = e * _TWICE
        sum1 = (x >> 14 ^ x >> 18 ^ x >> 41) & _MASK
        t1 = h + sum1 + (g ^ e & (f ^ g)) + constant + word
        x = a * _TWICE
        sum0 = (x >> 28 ^ x >> 34 ^ x >> 39) & _MASK
        t2 = sum0 + (a & b | c & (a | b))
        h, g, f, e = g, f, e, (d + t1) & _MASK
        d, c, b, a = c, b, a, (t1 + t2) & _MASK
    pairs = zip(state, (h, g, f, e, d, c, b, a))  # noqa: B905
    _put(work, _STATE, [(x + y) & _MASK for x, y in pairs])


def turn(work: bytearray | memoryview) -> None:
    """Do what the kernel does."""
    work[:_COPY] = bytes(reversed(work[:_COPY]))


def _take(data: bytes | bytearray | memoryview, at: int, count: int) -> list[int]:
    return [int.from_bytes(data[i : i + 8], "little") for i in range(at, at + 8 * count, 8)]


def _put(work: bytearray | memoryview, at: int, words: list[int]) -> None:
    for i, word in enumerate(words):
        work[at + 8 * i : at + 8 * i + 8] = word.to_bytes(8, "little")
