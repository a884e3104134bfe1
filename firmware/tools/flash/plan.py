"""What is written into a board, and which boards may have it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from firmware.tools.package import file_system
from firmware.tools.package.build import IMAGE, RELEASE

from . import images, partitions
from .errors import FLASH_TOO_SMALL, NO_PSRAM, WRONG_BUILD, WRONG_CHIP, FlashError

if TYPE_CHECKING:
    from .images import Image
    from .partitions import Segment

FILE_SYSTEM = "firmware"
QUAD_MB = (2, 4)  # PSRAM in the package of an ESP32-S3 by its way of being wired; more is octal


class _ImageOfRelease(msgspec.Struct):
    address: int
    size: int
    sha256: str


class ReleaseToFlash(msgspec.Struct):
    """`release.json`, as far as flashing needs it."""

    board: str
    board_class: str
    release: int
    version: str
    firmware_hash: str
    flash_mb: int
    image: _ImageOfRelease


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
        if board.flash_mb > self.release.flash_mb:
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
                "take a board with PSRAM, or an image of ours (docs/hardware.md)",
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
    image, data = images.recognised(micropython, images.table(images.TABLE, *tables))
    release, packed = _release(build)
    if release.board_class not in image.board_classes:
        raise FlashError(
            WRONG_BUILD,
            f"{build} is of class {release.board_class}, and {image.name} is for "
            f"{', '.join(image.board_classes)}",
        )
    found = partitions.segments(image.name, data, image.address)
    return Plan(
        image,
        release,
        [*found, partitions.Segment(FILE_SYSTEM, release.image.address, packed)],
    )


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
    blocks = file_system.blocks_of(release.flash_mb)
    if (stated.address, stated.size) != (file_system.START, blocks * file_system.BLOCK):
        raise FlashError(WRONG_BUILD, f"{folder / IMAGE} fills no partition of a board")
    return release, packed


def _kind(psram_mb: int | None) -> str:
    if not psram_mb:
        return ""
    return "quad" if psram_mb in QUAD_MB else "octal"
