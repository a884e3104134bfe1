"""CBOR as a tree that can be written wrongly: for mutations, not for reading.

A byte string that holds an array or a map has it as its only part, so that what lies inside a
signed message can be spoilt with every length around it right.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random

UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE = range(8)
_WIDTHS = (1, 2, 4, 8)  # bytes of an argument behind the head's first byte
_INLINE = 24  # arguments below stand in the first byte
_STRINGS, _CONTAINERS = (BYTES, TEXT), (ARRAY, MAP)
_TURNED = {UNSIGNED: NEGATIVE, NEGATIVE: UNSIGNED, BYTES: TEXT, TEXT: BYTES, ARRAY: MAP, MAP: ARRAY}
# One of each kind that a place may not hold: numbers, false, true, null, undefined, a half, a tag,
# an indefinite array, the end of one, empty strings and containers.
_ALIENS = [bytes([one]) for one in b"\0\1\x20\xf4\xf5\xf6\xf7\xff\x40\x60\x80\xa0"]
_ALIENS += [bytes.fromhex(text) for text in ("f93c00", "c100", "9fff", "1b0000000100000000")]


@dataclass
class Node:
    """One item. `width` (index of `_WIDTHS`, -1 for none) and `lie` spoil its head."""

    major: int
    argument: int = 0
    raw: bytes = b""
    parts: list[Node] = field(default_factory=list)
    width: int | None = None
    lie: int = 0

    def encode(self) -> bytes:
        if self.major > SIMPLE:  # an alien stands for itself
            return self.raw
        body = b"".join(part.encode() for part in self.parts) or self.raw
        count = self.argument
        if self.major in _STRINGS:
            count = len(body)
        elif self.major in _CONTAINERS:
            count = len(self.parts) // (2 if self.major == MAP else 1)
        return self._head(max(0, count + self.lie)) + body

    def walk(self) -> Iterator[Node]:
        yield self
        for part in self.parts:
            yield from part.walk()

    def _head(self, count: int) -> bytes:
        least = _least(count)
        width = least if self.width is None else max(least, self.width)
        if width < 0:
            return bytes([self.major << 5 | count])
        return bytes([self.major << 5 | _INLINE + width]) + count.to_bytes(_WIDTHS[width], "big")


def parse(data: bytes) -> Node | None:
    """The one item that `data` is; None if it is none, or of a kind that nothing here sends."""
    try:
        node, end = _take(data, 0)
    except (IndexError, RecursionError):
        return None
    return node if end == len(data) else None


def spoil(node: Node, random: Random) -> None:
    """Do one thing to one place of the tree."""
    random.choice((_widen, _misstate, _repeat, _drop, _insert, _swap, _retype, _replace, _resize))(
        random.choice(list(node.walk())), random
    )


def _take(data: bytes, at: int) -> tuple[Node, int]:
    """IndexError where the bytes end too early or say what cannot be."""
    major, argument = data[at] >> 5, data[at] & 31
    at += 1
    if argument >= _INLINE:
        size = _WIDTHS[argument - _INLINE]
        argument, at = int.from_bytes(data[at : at + size], "big"), at + size
    if at > len(data) or (major in (TAG, SIMPLE) and argument not in (20, 21)):
        raise IndexError
    node = Node(major, argument)
    if major in _STRINGS:
        node.raw, at = data[at : at + argument], at + argument
        if at > len(data):
            raise IndexError
        inner = parse(node.raw) if major == BYTES else None
        node.parts = [inner] if inner and inner.major in _CONTAINERS else []
    elif major in _CONTAINERS:
        for _ in range(argument * (2 if major == MAP else 1)):
            part, at = _take(data, at)
            node.parts.append(part)
    return node, at


def _least(count: int) -> int:
    if count < _INLINE:
        return -1
    return 0 if count < 0x100 else 1 if count < 0x10000 else 2 if count < 0x100000000 else 3


def _widen(node: Node, random: Random) -> None:
    """A head longer than it need be."""
    node.width = random.randrange(len(_WIDTHS))


def _misstate(node: Node, random: Random) -> None:
    """A number next to the right one, or one of an edge; of strings and containers, the size."""
    edge = random.choice((23, 24, 255, 256, 0xFFFF, 0x10000, 0xFFFFFFFF, 0x100000000))
    step = random.choice((-1, 1, edge, -node.argument))
    if node.major in _STRINGS + _CONTAINERS:
        node.lie = step
    else:
        node.argument = min(max(0, node.argument + step), 2**64 - 1)


def _repeat(node: Node, random: Random) -> None:
    """A member twice."""
    start, end = _member(node, random)
    node.parts[start:start] = deepcopy(node.parts[start:end])


def _drop(node: Node, random: Random) -> None:
    start, end = _member(node, random)
    del node.parts[start:end]


def _insert(node: Node, random: Random) -> None:
    """One more member, of a map with its key in order."""
    if node.major == MAP:
        key = Node(random.choice((UNSIGNED, NEGATIVE)), random.choice((0, 9, 99, 999, 0xFFFFFFFF)))
        pairs = [*zip(node.parts[::2], node.parts[1::2], strict=False), (key, Node(UNSIGNED))]
        pairs.sort(key=lambda pair: pair[0].encode())
        node.parts = [part for pair in pairs for part in pair]
    elif node.major == ARRAY:
        node.parts.insert(random.randint(0, len(node.parts)), Node(UNSIGNED))


def _swap(node: Node, random: Random) -> None:
    """Two members in each other's place."""
    start, end = _member(node, random)
    taken = node.parts[start:end]
    del node.parts[start:end]
    place, _ = _member(node, random)
    node.parts[place:place] = taken


def _retype(node: Node, random: Random) -> None:
    node.major = _TURNED.get(node.major, SIMPLE)


def _replace(node: Node, random: Random) -> None:
    node.major, node.raw, node.parts = SIMPLE + 1, random.choice(_ALIENS), []


def _resize(node: Node, random: Random) -> None:
    """A string of another size, with the right length before it."""
    if node.major in _STRINGS:
        size = random.choice((0, len(node.raw) - 1, len(node.raw) + 1, random.randrange(300)))
        node.raw, node.parts = (node.raw + random.randbytes(300))[: max(0, size)], []


def _member(node: Node, random: Random) -> tuple[int, int]:
    """Where a member of a container stands: a pair in a map."""
    step = 2 if node.major == MAP else 1
    count = len(node.parts) // step
    start = random.randrange(count) * step if count else 0
    return start, start + step
