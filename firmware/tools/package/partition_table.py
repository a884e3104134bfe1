"""How a flash is divided: as an image's own table has it, and as `partitions.csv` states it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

CSV = Path("firmware/image/partitions.csv")  # of the images that `firmware/image/build` makes
FIRST_SLOT, DATA = "ota_0", "vfs"  # a new board starts the one and mounts the other
APP, DATA_KIND = 0, 1
NVS = 2
_KINDS = {"app": APP, "data": DATA_KIND}
_SUBTYPES = {"ota": 0, "phy": 1, "nvs": NVS, "fat": 0x81, "ota_0": 0x10, "ota_1": 0x11}
TABLE = 0x8000  # where ESP-IDF puts the table, from the start of the flash
_TABLE_SIZE = 0xC00
_ENTRY = struct.Struct("<HBBII16sI")
_MAGIC = 0x50AA


class Partition(NamedTuple):
    name: str
    kind: int
    subtype: int
    start: int
    size: int

    @property
    def is_nvs(self) -> bool:
        return (self.kind, self.subtype) == (DATA_KIND, NVS)

    @property
    def end(self) -> int:
        return self.start + self.size


def of_image(image: bytes, address: int) -> list[Partition]:
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


def stated(root: Path) -> list[Partition]:
    """Return the partitions of our own images."""
    found = []
    for line in (root / CSV).read_text().splitlines():
        if line and not line.startswith("#"):
            name, kind, subtype, start, size = (field.strip() for field in line.split(","))
            numbers = _KINDS[kind], _SUBTYPES[subtype]
            found.append(Partition(name, *numbers, int(start, 0), int(size, 0)))
    return found


def named(name: str, partitions: list[Partition]) -> Partition | None:
    return next((each for each in partitions if each.name == name), None)


def encoded(partitions: list[Partition]) -> bytes:
    """Return the entries of a table, without the checksum that ESP-IDF puts after them."""
    return b"".join(
        _ENTRY.pack(_MAGIC, each.kind, each.subtype, each.start, each.size, each.name.encode(), 0)
        for each in partitions
    )
