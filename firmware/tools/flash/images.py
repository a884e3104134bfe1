"""The images of MicroPython that are supported, by the hash of their file."""

from __future__ import annotations

import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec

from .errors import WRONG_IMAGE, FlashError

TABLE = Path(__file__).with_name("images.toml")


class Image(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file. `address` is where it is written; `chip` as esptool names it."""

    name: str
    chip: str
    version: str
    address: int
    size: int
    sha256: str
    board_classes: tuple[str, ...]
    needs_psram: bool
    source: str
    psram: Literal["", "quad", "octal"] = ""


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    image: list[Image]


def table(*files: Path) -> list[Image]:
    """Return the images of these tables; raise FlashError for a file that is none."""
    found: list[Image] = []
    for file in files:
        try:
            found += msgspec.convert(tomllib.loads(file.read_text()), _Table).image
        except (OSError, ValueError) as error:
            raise FlashError(WRONG_IMAGE, f"{file} is no table of images: {error}") from error
    return found


def recognised(file: Path, images: list[Image]) -> tuple[Image, bytes]:
    """Return the image that `file` is, and its bytes; raise FlashError."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise FlashError(WRONG_IMAGE, f"{file} cannot be read: {error.strerror}") from error
    digest = sha256(data).hexdigest()
    for image in images:
        if image.sha256 == digest:
            return image, data
    for image in images:
        if image.name in file.name:
            raise FlashError(
                WRONG_IMAGE,
                f"{file} has the name of {image.name} and other content ({len(data)} bytes, "
                f"SHA-256 {digest}): download it again",
            )
    known = ", ".join(image.name for image in images)
    raise FlashError(
        WRONG_IMAGE, f"{file} (SHA-256 {digest}) is no image that this release supports: {known}"
    )
