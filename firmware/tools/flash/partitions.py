"""What an image writes over, by the partition table in it."""

from __future__ import annotations

from typing import NamedTuple

from firmware.tools.package import partition_table

_ERASED = 0xFF
PAD = 4  # bytes: the boot loader writes whole words


class Segment(NamedTuple):
    """Bytes for one place in the flash."""

    name: str
    address: int
    data: bytes

    @property
    def end(self) -> int:
        return self.address + len(self.data)


def segments(name: str, image: bytes, address: int) -> list[Segment]:
    """Cut an image so that it leaves the NVS alone, which it has only as a gap.

    The NVS holds a receiver's key and certificate. An image with something of its own there stays
    whole.
    """
    image += bytes([_ERASED]) * (-len(image) % PAD)
    for found in partition_table.of_image(image, address):
        start, end = found.start - address, found.end - address
        gap = image[start:end]
        if found.is_nvs and start > 0 and end < len(image) and set(gap) == {_ERASED}:
            return [
                Segment(f"{name}, boot loader", address, image[:start]),
                Segment(name, address + end, image[end:]),
            ]
    return [Segment(name, address, image)]
