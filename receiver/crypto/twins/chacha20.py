"""ChaCha20 (RFC 8439 §2.4) over whole blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    Buffer: TypeAlias = "bytearray | memoryview"

_MASK = 0xFFFFFFFF
_COLUMNS = [(i, i + 4, i + 8, i + 12) for i in range(4)]
_DIAGONALS = [(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12) for i in range(4)]


def xor(_work: Buffer, blocks: int, data: Buffer, state: Buffer, start: int) -> None:
    """Do what the kernel does."""
    for at in range(start, start + 64 * blocks, 64):
        stream = int.from_bytes(_block(state), "little")
        mixed = int.from_bytes(data[at : at + 64], "little") ^ stream
        data[at : at + 64] = mixed.to_bytes(64, "little")
        counter = int.from_bytes(state[48:52], "little") + 1
        state[48:52] = (counter & _MASK).to_bytes(4, "little")


def _block(state: Buffer) -> bytes:
    """Return the key stream of one block (§2.3)."""
    start = [int.from_bytes(state[i : i + 4], "little") for i in range(0, 64, 4)]
    words = list(start)
    for _ in range(10):
        for places in _COLUMNS + _DIAGONALS:
            _quarter(words, *places)
    sums = [(x + y) & _MASK for x, y in zip(start, words)]  # noqa: B905
    return b"".join([word.to_bytes(4, "little") for word in sums])


def _quarter(words: list[int], a: int, b: int, c: int, d: int) -> None:
    """Apply a quarter round (§2.1)."""
    for target, other, mixed, left in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        words[target] = (words[target] + words[other]) & _MASK
        x = words[mixed] ^ words[target]
        words[mixed] = (x << left | x >> 32 - left) & _MASK
