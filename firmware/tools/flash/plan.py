"""What is written into a board, and which boards may have it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from firmware.tools.package import file_system, partition_table
from firmware.tools.package.build import IMAGE, RELEASE

from . import images, partitions
from .errors import FLASH_TOO_SMALL, NO_PSRAM, WRONG_BUILD, WRONG_CHIP, WRONG_IMAGE, FlashError
from .images import Image

if TYPE_CHECKING:
    from .partitions import Segment

FILE_SYSTEM = "firmware"
QUAD_MB = (2, 4)  # PSRAM in the package of an ESP32-S3 by its way of being wired; more is octal


class _Placed(msgspec.Struct):
    address: int
    size: int
    sha256: str


class ReleaseToFlash(msgspec.Struct):
    """`release.json`, as far as flashing needs it."""

    board: str
    board_class: str
    chip: str
    release: int
    version: str
    firmware_hash: str
    flash_mb: int
    image: _Placed
    micropython: _Placed | None = None  # of an image of ours, which no table of images lists


class Found(NamedTuple):
    """What a boot loader says of its board; `psram_mb` is None where it cannot see that."""

    chip: str
    flash_mb: int
    psram_mb: int | None


class Plan(NamedTuple):
    image: Image
    release: ReleaseToFlash
    segments: list[Segment]

    def check(self, board: Found) -> None:
        """Raise FlashError unless the board may have this."""
        if board.chip != self.image.chip:
            raise FlashError(
                WRONG_CHIP,
                f"this board has an {board.chip}, and {self.image.name} is for an "
                f"{self.image.chip}: build for a board with its chip, and take that chip's image",
            )
        if board.flash_mb < self.release.flash_mb:
            raise FlashError(
                FLASH_TOO_SMALL,
                f"this board has {board.flash_mb} MB of flash, and the build is for "
                f"{self.release.flash_mb} MB: build with --flash-size {board.flash_mb}",
            )
        if board.flash_mb > self.release.flash_mb and self.release.micropython is None:
            raise FlashError(
                WRONG_BUILD,
                f"this board has {board.flash_mb} MB of flash, and the build is for "
                f"{self.release.flash_mb} MB, which MicroPython takes for corrupted: build with "
                f"--flash-size {board.flash_mb}",
            )
        if self.image.needs_psram and board.psram_mb == 0:
            raise FlashError(
                NO_PSRAM,
                "this board has no PSRAM, and with MicroPython's own image a receiver needs it: "
                "take a board with PSRAM, or an image of ours (docs/flashing.md)",
            )
        kind = _kind(board.psram_mb)
        if kind and self.image.psram and kind != self.image.psram:
            raise FlashError(
                NO_PSRAM,
                f"this board's {board.psram_mb} MB of PSRAM are {kind}, and {self.image.name} is "
                f"for {self.image.psram}: take the other image for this chip",
            )


def plan(micropython: Path, build: Path, tables: list[Path]) -> Plan:
    """Read image and release folder; raise FlashError."""
    release, packed = _release(build)
    if release.micropython is None:
        image, data = images.recognised(micropython, images.table(images.TABLE, *tables))
    else:
        image, data = _own(micropython, build, release, release.micropython)
    if release.board_class not in image.board_classes:
        raise FlashError(
            WRONG_BUILD,
            f"{build} is of class {release.board_class}, and {image.name} is for "
            f"{', '.join(image.board_classes)}",
        )
    _check_place(build, release, data, image.address)
    found = partitions.segments(image.name, data, image.address)
    if found[-1].end > release.image.address:
        raise FlashError(
            WRONG_BUILD,
            f"{micropython} ends at {found[-1].end:#x}, inside the file system of {build}: build "
            "both anew",
        )
    written = [*found, partitions.Segment(FILE_SYSTEM, release.image.address, packed)]
    return Plan(image, release, written)


def _own(file: Path, build: Path, release: ReleaseToFlash, stated: _Placed) -> tuple[Image, bytes]:
    """Return the image that a release was built with: the release states its hash."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise FlashError(WRONG_IMAGE, f"{file} cannot be read: {error.strerror}") from error
    digest = sha256(data).hexdigest()
    if (len(data), digest) != (stated.size, stated.sha256):
        raise FlashError(
            WRONG_IMAGE,
            f"{file} (SHA-256 {digest}) is not the image that {build} was built with "
            f"({stated.sha256}): give the firmware.bin of the folder that `--image` named",
        )
    image = Image(
        name=f"{release.board_class} {release.version}",
        chip=release.chip,
        version=release.version,
        address=stated.address,
        size=stated.size,
        sha256=stated.sha256,
        board_classes=(release.board_class,),
        needs_psram=False,
        source=str(build),
    )
    return image, data


def _check_place(folder: Path, release: ReleaseToFlash, image: bytes, address: int) -> None:
    """Refuse a file system that would not fill its partition: the board would start anew."""
    stated = release.image
    if release.micropython is None:
        # Whatever the table in MicroPython's image says, `vfs` grows to the end of the flash.
        blocks = file_system.blocks_of(release.flash_mb)
        place = file_system.START, blocks * file_system.BLOCK
    else:
        table = partition_table.of_image(image, address)
        data = partition_table.named(partition_table.DATA, table)
        place = (data.start, data.size) if data else (0, 0)
    if (stated.address, stated.size) != place:
        raise FlashError(WRONG_BUILD, f"{folder / IMAGE} fills no partition of a board")


def _release(folder: Path) -> tuple[ReleaseToFlash, bytes]:
    try:
        release = msgspec.json.decode((folder / RELEASE).read_bytes(), type=ReleaseToFlash)
        packed = (folder / IMAGE).read_bytes()
    except (OSError, ValueError) as error:
        text = f"{folder} is no release folder ({error}): make one with `tillsign firmware build`"
        raise FlashError(WRONG_BUILD, text) from error
    stated = release.image
    if (stated.size, stated.sha256) != (len(packed), sha256(packed).hexdigest()):
        raise FlashError(WRONG_BUILD, f"{folder / IMAGE} is not what {RELEASE} says: build it anew")
    return release, packed


def _kind(psram_mb: int | None) -> str:
    if not psram_mb:
        return ""
    return "quad" if psram_mb in QUAD_MB else "octal"
