"""What lies in a board's flash: a littlefs file system, as MicroPython's ESP32 port makes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from littlefs import LittleFS

BLOCK = 4096  # the smallest piece that can be erased
START = 0x200000  # of the partition `vfs` in MicroPython's images; it ends with the flash
BLOCKS = 512  # of the file system on a board with 4 MB: the second half
MEGABYTE = 0x100000
FLASH_SIZES = (4, 8, 16)  # MB: a smaller flash has no room for two slots beside the image
_CACHE = 32  # MicroPython's choice for reads and writes (extmod/vfs_lfs.c)
_VERSION = 0x00020000  # of the format on disk: every MicroPython since 1.12 reads it
_LATEST = 0  # what the library knows


def blocks_of(flash_mb: int) -> int:
    """Return the blocks of the partition; an image of any other size makes a board start anew."""
    return (flash_mb * MEGABYTE - START) // BLOCK


def files_below(root: Path, place: str) -> dict[str, bytes]:
    """Return every file below `root` by its path on the board, `place` before it."""
    return {
        f"{place}/{path.relative_to(root)}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def packed(files: Mapping[str, bytes], blocks: int = BLOCKS) -> bytes:
    """Return the image of a file system that holds these files, byte for byte the same each time.

    Raises LittleFSError if they do not fit.
    """
    made = _file_system(blocks, _VERSION)
    made.format()
    made.mount()
    for name, content in sorted(files.items()):
        made.makedirs(str(PurePosixPath(name).parent), exist_ok=True)
        with made.open(name, "wb") as file:
            file.write(content)
    return bytes(made.context.buffer)


def unpacked(image: bytes) -> dict[str, bytes]:
    """Return the files of an image by their paths; raise LittleFSError if it is damaged."""
    found = _file_system(len(image) // BLOCK, _LATEST)  # as boards write it
    found.context.buffer[:] = image
    found.mount()
    files = {}
    for folder, _, names in found.walk("/"):
        for name in names:
            path = str(PurePosixPath(folder, name))
            with found.open(path, "rb") as file:
                files[path] = file.read()
    return files


def _file_system(blocks: int, version: int) -> LittleFS:
    return LittleFS(
        block_size=BLOCK,
        block_count=blocks,
        read_size=_CACHE,
        prog_size=_CACHE,
        lookahead_size=_CACHE,
        disk_version=version,
        mount=False,
    )
