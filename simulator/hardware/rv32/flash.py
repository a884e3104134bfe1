"""What lies in a board's flash: a littlefs file system, as MicroPython's ESP32 port makes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from littlefs import LittleFS

BLOCK = 4096  # the smallest piece that can be erased
BLOCKS = 512  # of the file system on a board with 4 MB: the second half
_CACHE = 32  # MicroPython's choice for reads and writes (extmod/vfs_lfs.c)
_VERSION = 0x00020000  # of the format on disk: every MicroPython since 1.12 reads it


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
    made = LittleFS(
        block_size=BLOCK,
        block_count=blocks,
        read_size=_CACHE,
        prog_size=_CACHE,
        lookahead_size=_CACHE,
        disk_version=_VERSION,
    )
    for name, content in sorted(files.items()):
        made.makedirs(str(PurePosixPath(name).parent), exist_ok=True)
        with made.open(name, "wb") as file:
            file.write(content)
    return bytes(made.context.buffer)
