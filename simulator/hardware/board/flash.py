"""The flash of a simulated board: one file, which outlives everything that runs from it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from firmware.tools.package import file_system

from . import stand_in
from .stand_in import NVS_SIZE, NVS_START

if TYPE_CHECKING:
    from pathlib import Path

ERASED = b"\xff"
_MARK = b"tillsign-nvs:"  # this stand-in keeps names and values as JSON, not as ESP-IDF does


class Flash:
    """A file of `mb` megabytes, and the folder that stands for its NVS while firmware runs."""

    def __init__(self, path: Path, mb: int) -> None:
        self.path = path
        self.mb = mb
        self.nvs = path.with_name(path.name + ".nvs")

    def create(self) -> None:
        """Make an erased flash, unless there is one."""
        if not self.path.exists():
            self.path.write_bytes(ERASED * self.mb * file_system.MEGABYTE)

    def read(self, start: int, size: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(size)

    def write(self, start: int, data: bytes) -> None:
        with self.path.open("r+b") as file:
            file.seek(start)
            file.write(data)

    @property
    def has_interpreter(self) -> bool:
        """Return whether the image that this board can run lies where its chip looks."""
        pieces = stand_in.pieces().items()
        return all(self.read(start, len(data)) == data for start, data in pieces)

    @property
    def blocks(self) -> int:
        return file_system.blocks_of(self.mb)

    def files(self) -> dict[str, bytes]:
        """Return what lies in the file system; raise LittleFSError if there is none."""
        start = file_system.START
        return file_system.unpacked(self.read(start, self.blocks * file_system.BLOCK))

    def unpack_nvs(self) -> None:
        """Fill the folder from the flash, before firmware starts."""
        shutil.rmtree(self.nvs, ignore_errors=True)
        self.nvs.mkdir(mode=0o700)
        region = self.read(NVS_START, NVS_SIZE)
        if not region.startswith(_MARK):
            return  # erased
        text, _, _ = region[len(_MARK) :].partition(ERASED)
        for name, value in json.loads(text).items():
            (self.nvs / name).write_bytes(bytes.fromhex(value))

    def pack_nvs(self) -> None:
        """Write the folder into the flash, after firmware has ended."""
        if not self.nvs.is_dir():
            return
        found = {path.name: path.read_bytes().hex() for path in sorted(self.nvs.iterdir())}
        data = _MARK + json.dumps(found).encode() if found else b""
        if len(data) > NVS_SIZE:
            raise ValueError(f"{len(data)} bytes of values do not fit into the NVS")
        self.write(NVS_START, data.ljust(NVS_SIZE, ERASED))
