"""Slots for firmware as directories, on littlefs and on a host's file system.

A host may have made a slot of symbolic links: what they lead to is never changed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from firmware.device import slots
from receiver.protocol import firmware

if TYPE_CHECKING:
    from typing import Any

ABSENT = 2  # ENOENT
BAD_WRITE = 5  # EIO
# Of each file the last block is not full (16 files at most), a folder takes two, and littlefs needs
# some to move what it changes.
SPARE_BLOCKS = 24


class Directories:
    """`receiver.service.ports.Slots`. `root` is the running slot's directory."""

    def __init__(self, root: str) -> None:
        self._root = root

    def running(self) -> int:
        return number_of(self._root)

    def target(self) -> int:
        """Return the slot that is neither in use nor running; 0 if these are two."""
        in_use = number_of(slots.read(slots.SLOT).strip() or slots.ROOTS[1])
        if self.running() in (0, in_use):
            return 2 if in_use == 1 else 1
        return 0

    def note(self, number: int, name: str) -> bytes:
        try:
            with open(_place(number, name), "rb") as file:
                data: bytes = file.read()
                return data
        except OSError as error:
            if error.errno != ABSENT:
                raise
            return b""

    def put_note(self, number: int, name: str, data: bytes) -> None:
        _make_folder(slots.ROOTS[number])
        with open(_place(number, name), "wb") as file:
            file.write(data)

    def rename_note(self, number: int, old: str, new: str) -> None:
        os.rename(_place(number, old), _place(number, new))

    def drop(self, number: int) -> None:
        remove(_place(number, firmware.WHOLE))
        remove(_place(number, firmware.PART))
        remove(slots.ROOTS[number])

    def room(self) -> int:
        status: Any = os.statvfs(".")
        size: int = status[0]
        free: int = status[3]
        return max(free - SPARE_BLOCKS, 0) * size

    def size(self, number: int, path: str) -> int:
        try:
            size: int = os.stat(_place(number, path))[6]
        except OSError as error:
            if error.errno != ABSENT:
                raise
            return -1
        return size

    def append(self, number: int, path: str, offset: int, data: bytes | memoryview) -> None:
        place = _place(number, path)
        if not offset:
            at = place.find("/")
            while at >= 0:
                _make_folder(place[:at])
                at = place.find("/", at + 1)
        with open(place, "ab" if offset else "wb") as file:
            written = file.write(data)
        if written != len(data) or self.size(number, path) != offset + len(data):
            raise OSError(BAD_WRITE)

    def read(self, number: int, path: str, offset: int, buffer: bytearray) -> int:
        try:
            with open(_place(number, path), "rb") as file:
                file.seek(offset)
                return file.readinto(buffer) or 0
        except OSError as error:
            if error.errno != ABSENT:
                raise
            return 0


def number_of(root: str) -> int:
    """Return the number of a directory as the loader names it, 0 if it is none of both."""
    name = root.rstrip("/").split("/")[-1]
    return slots.ROOTS.index(name) if name and name in slots.ROOTS else 0


def remove(path: str) -> None:
    """Remove a file, a link, or a folder with all that is in it; do nothing if there is none."""
    try:
        os.remove(path)  # of a link it removes the link
        return
    except OSError as error:
        if error.errno == ABSENT:
            return
    for name in os.listdir(path):
        remove(path + "/" + name)
    try:
        os.rmdir(path)
    except OSError as error:
        if error.errno != ABSENT:
            raise


def _place(number: int, path: str) -> str:
    return slots.ROOTS[number] + "/" + path


def _make_folder(path: str) -> None:
    try:
        os.stat(path)
    except OSError:
        os.mkdir(path)
