"""Ways to spoil a valid input: on bytes, and on the CBOR that they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz import cbor_tree

TIMES_MOST = 3  # more at once are refused for the first alone
EXTENSION_MOST = 40
_EDGES = (0x00, 0x01, 0x17, 0x18, 0x7F, 0x80, 0xFF)

Mutation = Callable[[bytes, Random, Sequence[bytes]], bytes]


def mutate(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """`data` with a few things wrong; `others` are valid inputs to splice it with."""
    for _ in range(random.randint(1, TIMES_MOST)):
        data = random.choice(_MUTATIONS)(data, random, others)
    return data


def _flip(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    place = random.randrange(8 * len(data)) if data else 0
    return _put(data, place // 8, lambda byte: byte ^ 1 << place % 8)


def _set(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    value = random.choice((*_EDGES, random.randrange(256)))
    return _put(data, random.randrange(len(data) or 1), lambda _: value)


def _step(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """A byte one more or less: very often a length."""
    by = random.choice((-1, 1))
    return _put(data, random.randrange(len(data) or 1), lambda byte: (byte + by) % 256)


def _cut(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    return data[: random.randrange(len(data) or 1)]


def _extend(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    tail = random.choice((bytes, random.randbytes))
    return data + tail(random.randint(1, EXTENSION_MOST))


def _splice(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    other = random.choice(others) if others else b""
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


def _delete(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    start = random.randint(0, len(data))
    return data[:start] + data[start + random.randint(1, 4) :]


def _spoil(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """As CBOR: long heads, wrong counts, members twice or in another place, other types."""
    tree = cbor_tree.parse(data)
    if tree is None:
        return random.choice(_BLIND)(data, random, others)
    for _ in range(random.randint(1, TIMES_MOST)):
        cbor_tree.spoil(tree, random)
    return tree.encode()


def _put(data: bytes, at: int, change: Callable[[int], int]) -> bytes:
    return data[:at] + bytes(map(change, data[at : at + 1])) + data[at + 1 :]


# What knows the format is drawn as often as all that does not.
_BLIND: tuple[Mutation, ...] = (_flip, _set, _step, _cut, _extend, _splice, _delete)
_MUTATIONS: tuple[Mutation, ...] = (*_BLIND, *[_spoil] * len(_BLIND))
