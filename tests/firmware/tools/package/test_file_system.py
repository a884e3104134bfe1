"""The image of a file system: what goes in comes out."""

from __future__ import annotations

import pytest
from littlefs import LittleFSError

from firmware.tools.package import file_system

FILES = {"/main.py": b"import loader\n", "/a/firmware/device/boot.mpy": bytes(9000), "/board": b""}


def test_what_is_packed_is_unpacked() -> None:
    image = file_system.packed(FILES, 64)
    assert len(image) == 64 * file_system.BLOCK
    assert file_system.unpacked(image) == FILES


def test_an_erased_flash_has_no_file_system() -> None:
    with pytest.raises(LittleFSError):
        file_system.unpacked(b"\xff" * 64 * file_system.BLOCK)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(LittleFSError):
        file_system.packed({"/large": bytes(65 * file_system.BLOCK)}, 64)
