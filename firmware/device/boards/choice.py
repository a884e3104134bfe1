"""Choose the pin map: of the board that flashing named, else of the chip's reference board."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware.device.boards import Pins

_CHIP_MARK = " with "  # "Generic ESP32S3 module with Octal-SPIRAM with ESP32S3"
_MODULE = " module"
_CHIPS = {"ESP32-PICO-D4": "esp32"}  # an ESP32 with its flash in one case


def flashed() -> str:
    """Return the board's name as flashing wrote it, or ""."""
    try:
        with open("board") as file:
            words: list[str] = file.read().split()
    except OSError:
        return ""
    return words[0] if words else ""


def choose(machine: str, named: str) -> Pins | None:
    """Return the pin map; `machine` is `sys.implementation._machine`, `named` the file's or ""."""
    return _load(named or _reference(machine))


def fits(machine: str, pins: Pins) -> bool:
    """Return whether the board has this chip."""
    return _chip(machine) == pins.CHIP


def board_class(machine: str, image: bool) -> str:
    """Return what firmware must be made for: the chip, and how it lies on the board.

    `image`: in an image of our own, which an update replaces whole; else in directories.
    """
    chip = _CHIPS.get(_chip(machine), _chip(machine).lower())
    return chip + ("-image" if image else "-littlefs")


def _chip(machine: str) -> str:
    return machine.split(_CHIP_MARK)[-1]


def _reference(machine: str) -> str:
    """Name the board to assume for an image that is made for any board with this chip."""
    if machine[: len("M5Stack ATOM")] == "M5Stack ATOM":
        return "m5stack-atom"
    if _MODULE not in machine:
        return ""
    return {
        "ESP32": "esp32-devkitc",
        "ESP32S3": "esp32-s3-devkitc-1",
        "ESP32C3": "esp32-c3-devkitm-1",
        "ESP32C6": "esp32-c6-devkitc-1",
    }.get(_chip(machine), "")


def _load(name: str) -> Pins | None:
    """Import one pin map alone: each would cost memory."""
    if name == "esp32-devkitc":
        from . import esp32_devkitc

        return esp32_devkitc
    if name == "m5stack-atom":
        from . import m5stack_atom

        return m5stack_atom
    if name == "esp32-s3-devkitc-1":
        from . import esp32s3_devkitc1

        return esp32s3_devkitc1
    if name == "esp32-s3-devkitc-1-v1.0":
        from . import esp32s3_devkitc1_v10

        return esp32s3_devkitc1_v10
    if name == "esp32-c3-devkitm-1":
        from . import esp32c3_devkitm1

        return esp32c3_devkitm1
    if name == "esp32-c3-supermini":
        from . import esp32c3_supermini

        return esp32c3_supermini
    if name == "esp32-c6-devkitc-1":
        from . import esp32c6_devkitc1

        return esp32c6_devkitc1
    return None
