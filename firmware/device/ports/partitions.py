"""Slots for firmware as the two OTA partitions of an image of our own, one file in each: the image.

Notes, and how far a partition is written, are files of the data partition, in a folder for each
slot: the loader looks for them there, as with directories.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from firmware.device import slots
from receiver.protocol import firmware

from .directories import Directories, remove

if TYPE_CHECKING:
    from typing import Protocol

    class Partition(Protocol):
        """`esp32.Partition`, as used here."""

        def info(self) -> tuple[int, int, int, int, str, bool]: ...

        def readblocks(self, block: int, buffer: memoryview | bytearray, offset: int) -> None: ...

        def writeblocks(self, block: int, data: bytes | memoryview, offset: int) -> None: ...

        def ioctl(self, order: int, argument: int) -> int | None: ...

    class Chip(Protocol):
        """`esp32.Partition` as a class."""

        RUNNING: int
        TYPE_APP: int

        def __call__(self, which: int) -> Partition: ...

        def find(self, kind: int, *, label: str) -> list[Partition]: ...


IMAGE = "micropython.bin"  # the only file of a release for an image of our own
LABELS = ("", "ota_0", "ota_1")  # by number in RESTART (firmware/image/partitions.csv)
BLOCK = 4096  # bytes of flash that are erased at once
ERASE = 6  # of `ioctl`
WRITTEN = "written"  # a note: how many bytes are in the partition
ABSENT = 2  # ENOENT
NO_SPACE = 28  # ENOSPC


class Partitions(Directories):
    """`receiver.service.ports.Slots`, for a chip whose firmware is in its image."""

    def __init__(self, chip: Chip) -> None:
        self._chip = chip
        label = chip(chip.RUNNING).info()[4]
        super().__init__(slots.ROOTS[LABELS.index(label)] if label in LABELS else "")
        self._written = (0, 0)  # number and bytes, since this start

    def room(self) -> int:
        number = self.target()
        return self._partition(number).info()[3] if number else 0

    def drop(self, number: int) -> None:
        self._written = (0, 0)
        super().drop(number)

    def size(self, number: int, path: str) -> int:
        """Return what is written for certain: after a start, whole blocks of an unfinished one."""
        if self._written[0] == number:
            return self._written[1]
        whole = self.note(number, firmware.WHOLE)
        text = self.note(number, WRITTEN)
        return firmware.size(firmware.decode(whole)) if whole else int(text or b"-1")

    def append(self, number: int, path: str, offset: int, data: bytes | memoryview) -> None:
        """Write on; a block is erased when its first byte is written."""
        if path != IMAGE:
            raise OSError(ABSENT)
        partition, view = self._partition(number), memoryview(data)
        if offset + len(view) > partition.info()[3]:
            raise OSError(NO_SPACE)
        while view:
            block, start = divmod(offset, BLOCK)
            if not start:
                self.put_note(number, WRITTEN, str(offset).encode())
                partition.ioctl(ERASE, block)
            piece = view[: BLOCK - start]
            partition.writeblocks(block, piece, start)
            offset += len(piece)
            view = view[len(piece) :]
        self._written = (number, offset)

    def rename_note(self, number: int, old: str, new: str) -> None:
        """Rename; of a whole image no other note is left."""
        if new == firmware.WHOLE:
            remove(slots.ROOTS[number] + "/" + WRITTEN)
        super().rename_note(number, old, new)

    def read(self, number: int, path: str, offset: int, buffer: bytearray) -> int:
        count = min(max(self.size(number, path) - offset, 0), len(buffer))
        if path != IMAGE or not count:
            return 0
        view = memoryview(buffer)[:count]
        self._partition(number).readblocks(offset // BLOCK, view, offset % BLOCK)
        return count

    def _partition(self, number: int) -> Partition:
        found = self._chip.find(self._chip.TYPE_APP, label=LABELS[number])
        if not found:
            raise OSError(ABSENT)
        return found[0]
