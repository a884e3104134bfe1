"""The boards that releases are built for: machine code, class, and the flash they are sold with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from firmware.tools.bundle.boards import boards, others
from firmware.tools.bundle.slot import ARCHITECTURES, Machine

if TYPE_CHECKING:
    from pathlib import Path

UNIX = "unix"  # the simulated board: MicroPython's Unix port
WAY = "littlefs"  # how the firmware lies on a board with one of MicroPython's own images
IMAGE_WAY = "image"  # and on a board whose image is our own, with the firmware in it
# MB of flash on the board as it is sold; modules with more exist of most, and can be named.
FLASH_MB = {"esp32-s3-devkitc-1": 8, "esp32-s3-devkitc-1-v1.0": 8, "esp32-c6-devkitc-1": 8}
FLASH_MB_LEAST = 4
# MicroPython's images are made for a family of chips, whatever the package.
FAMILIES = {"ESP32-PICO-D4": "esp32"}


class Target(NamedTuple):
    """One board: `board_class` is what its manifest names, `chip` what esptool calls it."""

    board: str
    board_class: str
    chip: str
    machine: Machine
    flash_mb: int


def names(root: Path) -> list[str]:
    return [*boards(root), UNIX]


def target(root: Path, board: str) -> Target:
    """Return the board of this name; raise KeyError."""
    if board == UNIX:
        machine = Machine(UNIX, ARCHITECTURES[UNIX][0])
        return Target(UNIX, f"{UNIX}-{WAY}", UNIX, machine, FLASH_MB_LEAST)
    known = boards(root)[board]
    family = FAMILIES.get(known.chip, known.chip.lower())
    machine = Machine("esp32", known.architecture, others(root, board))
    return Target(board, f"{family}-{WAY}", family, machine, FLASH_MB.get(board, FLASH_MB_LEAST))


def of_image(root: Path, board: str) -> Target:
    """Return the board as one with an image of our own; raise KeyError.

    One module is frozen for every chip and board (`firmware/image/build`).
    """
    found = target(root, board)
    if board == UNIX:
        raise KeyError(board)
    machine = Machine("esp32", ARCHITECTURES["esp32"][0])
    return found._replace(board_class=f"{found.chip}-{IMAGE_WAY}", machine=machine)
