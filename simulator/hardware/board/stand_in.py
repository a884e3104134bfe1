"""What stands for MicroPython's image on a simulated board, whose interpreter is the Unix port.

The chip that the boot loader names cannot run here, so no image for it can. A file of fixed bytes
is flashed instead, laid out as MicroPython's images are, and the board starts MicroPython's Unix
port if exactly that lies in its flash. Its table of images is one that a technician names with
`--images`: the table of the firmware's tools knows no stand-in.
"""

from __future__ import annotations

import struct
from functools import cache
from hashlib import md5, sha256, shake_256
from typing import TYPE_CHECKING, NamedTuple

from firmware.tools.package import file_system

if TYPE_CHECKING:
    from pathlib import Path

NAME = "UNIX_STAND_IN"
CHIP = "esp32s3"
ADDRESS = 0
BOARD_CLASS = "unix-littlefs"
PARTITIONS, NVS_START, NVS_SIZE, APP = 0x8000, 0x9000, 0x6000, 0x10000
_PROGRAM = 64 * 1024  # bytes where MicroPython's program would be
_ENTRY = struct.Struct("<HBBII16sI")  # of ESP-IDF's partition table
_ENTRY_MAGIC, _TABLE_MD5 = 0x50AA, b"\xeb\xeb" + b"\xff" * 14


class Files(NamedTuple):
    image: Path
    table: Path


@cache
def image() -> bytes:
    """Return the stand-in's bytes, the same on every machine."""
    head = b"Tillsign: stands for MicroPython's image on a simulated board\n"
    boot = head + shake_256(b"boot" + head).digest(PARTITIONS - len(head))
    table = b"".join(
        _ENTRY.pack(_ENTRY_MAGIC, kind, subtype, start, size, name, 0)
        for name, kind, subtype, start, size in (
            (b"nvs", 1, 2, NVS_START, NVS_SIZE),
            (b"phy_init", 1, 1, NVS_START + NVS_SIZE, 0x1000),
            (b"factory", 0, 0, APP, file_system.START - APP),
            (b"vfs", 1, 0x81, file_system.START, file_system.BLOCKS * file_system.BLOCK),
        )
    )
    table += _TABLE_MD5 + md5(table).digest()
    return (boot + table).ljust(APP, b"\xff") + shake_256(head).digest(_PROGRAM)


def pieces() -> dict[int, bytes]:
    """Return the bytes that must lie in a flash, by their place: all but the NVS."""
    whole, after = image(), NVS_START + NVS_SIZE
    return {ADDRESS: whole[:NVS_START], ADDRESS + after: whole[after:]}


def write(folder: Path) -> Files:
    """Write the stand-in and its table of images for `tillsign firmware flash --images`."""
    made = Files(folder / f"{NAME}.bin", folder / "images.toml")
    made.image.write_bytes(image())
    made.table.write_text(
        "[[image]]\n"
        f'name = "{NAME}"\n'
        f'chip = "{CHIP}"\n'
        'version = "1.28.0"\n'
        f"address = {ADDRESS:#x}\n"
        f"size = {len(image())}\n"
        f'sha256 = "{sha256(image()).hexdigest()}"\n'
        f'board_classes = ["{BOARD_CLASS}"]\n'
        "needs_psram = false\n"
        'source = "simulator/hardware/board/stand_in.py"\n'
    )
    return made
