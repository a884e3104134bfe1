"""Bytes as a script: what a machine goes through, step by step, whatever the bytes are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

STEPS_MOST = 200  # of one script: longer ones are slow and say nothing new

Step = Callable[[Any, "Script"], None]


class Script:
    """Reads choices from bytes; where they end, every choice is the first and no step is left."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def steps(self, table: Sequence[Step]) -> Iterator[Step]:
        for _ in range(STEPS_MOST):
            if self._at >= len(self._data):
                return
            yield table[self.number(len(table))]

    def number(self, below: int = 256) -> int:
        byte = self._take(1)
        return byte[0] % below if byte else 0

    def octets(self) -> bytes:
        """Any bytes, behind their length."""
        return self._take(self.number())

    def choice(self, options: Sequence[Any]) -> Any:
        return options[self.number(len(options))]

    def altered(self, honest: bytes) -> bytes:
        """`honest` as it is, with one thing wrong, or something else altogether."""
        way = self.number(6)
        if way == 1:  # one bit
            place = self.number() << 8 | self.number()
            at = (place >> 3) % (len(honest) or 1)
            return (
                honest[:at]
                + bytes(b ^ 1 << place % 8 for b in honest[at : at + 1])
                + honest[at + 1 :]
            )
        if way == 2:
            return honest[: self.number()]
        if way == 3:
            return honest + self.octets()
        if way == 4:  # other bytes in its midst
            at, new = self.number(), self.octets()
            return honest[:at] + new + honest[at + len(new) :]
        return self.octets() if way == 5 else honest

    def _take(self, size: int) -> bytes:
        start, self._at = self._at, self._at + size
        return self._data[start : self._at]


def script(table: Sequence[Step], *steps: tuple[Any, ...]) -> bytes:
    """The bytes of a script: steps of the table, each with the numbers and bytes that it reads."""
    data = bytearray()
    for step, *values in steps:
        data.append(table.index(step))
        for value in values:
            data += bytes([value]) if isinstance(value, int) else bytes([len(value)]) + value
    return bytes(data)
