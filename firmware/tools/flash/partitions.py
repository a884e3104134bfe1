"""What an image writes over, read from the partition table in it."""

from __future__ import annotations

import struct
from typing import NamedTuple

TABLE = 0x8000  # where ESP-IDF puts the table, from the start of the flash
_TABLE_SIZE = 0xC00
_ENTRY = struct.Struct("<HBBII16sI")
_MAGIC = 0x50AA
_DATA, _NVS = 1, 2
_ERASED = 0xFF
PAD = 4  # bytes: the boot loader writes whole words


class Segment(NamedTuple):
    """Bytes for one place in the flash."""

    name: str
    address: int
    data: bytes


class Partition(NamedTuple):
    name: str
    kind: int
    subtype: int
    start: int
    size: int

    @property
    def is_nvs(self) -> bool:
        return (self.kind, self.subtype) == (_DATA, _NVS)


def partitions(image: bytes, address: int) -> list[Partition]:
    """Return the partitions of an image that is written at `address`; none if it has no table."""
    table = image[TABLE - address : TABLE - address + _TABLE_SIZE]
    found = []
    for at in range(0, len(table) - _ENTRY.size + 1, _ENTRY.size):
        magic, kind, subtype, start, size, name, _ = _ENTRY.unpack_from(table, at)
        if magic != _MAGIC:
            break
        text = name.rstrip(b"\0").decode("ascii", errors="replace")
        found.append(Partition(text, kind, subtype, start, size))
    return found


def segments(name: str, image: bytes, address: int) -> list[Segment]:
    """Cut an image so that it leaves the NVS alone, which it has only as a gap.

    The NVS holds a receiver's key and certificate. An image with something of its own there stays
    whole.
    """
    image += bytes([_ERASED]) * (-len(image) % PAD)
    for found in partitions(image, address):
        start, end = found.start - address, found.start + found.size - address
        gap = image[start:end]
        if found.is_nvs and start > 0 and end < len(image) and set(gap) == {_ERASED}:
            return [
                Segment(f"{name}, boot loader", address, image[:start]),
                Segment(name, address + end, image[end:]),
            ]
    return [Segment(name, address, image)]
