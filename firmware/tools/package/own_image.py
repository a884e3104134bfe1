"""An image of our own as `firmware/image/build` leaves it for one board, proved to be whole."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from firmware.device.ports.partitions import IMAGE as PROGRAM

from . import file_system, partition_table

if TYPE_CHECKING:
    from pathlib import Path

    from .partition_table import Partition

WHOLE, SUMS = "firmware.bin", "SHA256SUMS"


class Chip(NamedTuple):
    """What tells images of a chip: its number in their headers, and where its boot loader lies."""

    number: int  # ESP-IDF's `esp_chip_id_t`
    address: int


CHIPS = {  # by the chip as esptool names it
    "esp32": Chip(0, 0x1000),
    "esp32s3": Chip(9, 0),
    "esp32c3": Chip(5, 0),
    "esp32c6": Chip(13, 0),
}
_HEADER_SIZE = 24  # bytes that begin every image for a chip, boot loaders too
_MAGIC = 0xE9  # its first byte
_CHIP_ID = slice(12, 14)
_ERASED = b"\xff"


class ImageError(Exception):
    """The folder holds no image for this board; the text says what to do."""


class OwnImage(NamedTuple):
    """`whole` is for a new board, from `address` on; `program`, a part of it, for one slot."""

    whole: bytes
    address: int
    program: bytes
    slot: Partition
    data: Partition

    @property
    def flash_mb(self) -> int:
        """Return the least flash of a board: the data are its last partition."""
        return self.data.end // file_system.MEGABYTE


def read(root: Path, folder: Path, chip: str) -> OwnImage:
    """Return the image for this chip, as esptool names it; raise ImageError."""
    files = _listed(folder)
    whole, program = files[WHOLE], files[PROGRAM]
    for name, content in files.items():
        _check_chip(folder / name, content, chip)
    stated, address = partition_table.stated(root), CHIPS[chip].address
    slot = partition_table.named(partition_table.FIRST_SLOT, stated)
    data = partition_table.named(partition_table.DATA, stated)
    if slot is None or data is None:
        raise ImageError(f"{partition_table.CSV} states no slot and no data")
    if len(program) > slot.size:
        raise ImageError(
            f"{folder / PROGRAM} has {len(program):,} bytes, and a slot of {partition_table.CSV} "
            f"has {slot.size:,}: leave something out of the image"
        )
    place = slot.start - address
    if partition_table.of_image(whole, address) != stated:
        raise ImageError(f"{folder / WHOLE} was not built with {partition_table.CSV}: {_REMEDY}")
    if whole[place:].rstrip(_ERASED) != program.rstrip(_ERASED) or len(whole) > slot.end - address:
        raise ImageError(f"{folder / WHOLE} does not hold {PROGRAM} in its first slot: {_REMEDY}")
    if not all(_is_gap(whole, each, address) for each in stated if each.is_nvs):
        raise ImageError(f"{folder / WHOLE} would write over a receiver's key: {_REMEDY}")
    return OwnImage(whole, address, program, slot, data)


_REMEDY = "build it again with firmware/image/build"


def _listed(folder: Path) -> dict[str, bytes]:
    """Return both files if they are what SHA256SUMS says."""
    try:
        text = (folder / SUMS).read_text(encoding="ascii")
        files = {name: (folder / name).read_bytes() for name in (WHOLE, PROGRAM)}
    except (OSError, ValueError) as error:
        raise ImageError(f"{folder} holds no image of ours ({error}): {_REMEDY}") from error
    words = [line.split() for line in text.splitlines()]
    sums = {line[1].removeprefix("*"): line[0] for line in words if len(line) == 2}
    for name, content in files.items():
        if sums.get(name) != sha256(content).hexdigest():
            raise ImageError(f"{folder / name} is not what {SUMS} says: {_REMEDY}")
    return files


def _check_chip(path: Path, content: bytes, chip: str) -> None:
    if len(content) < _HEADER_SIZE or content[0] != _MAGIC:
        raise ImageError(f"{path} is no image for a chip: {_REMEDY}")
    number = int.from_bytes(content[_CHIP_ID], "little")
    if number != CHIPS[chip].number:
        known = {known.number: name for name, known in CHIPS.items()}
        raise ImageError(
            f"{path} is for an {known.get(number, f'unknown chip ({number})')}, and the board has "
            f"an {chip}: name the folder of its image"
        )


def _is_gap(whole: bytes, partition: Partition, address: int) -> bool:
    place = whole[partition.start - address : partition.end - address]
    return not place.strip(_ERASED)
