"""A chip with an image of ours: `esp32.Partition` on the bytes of its flash; its boot loader."""

from __future__ import annotations

from collections.abc import Collection

from firmware.device import main as loader
from firmware.device.ports.partitions import BLOCK, ERASE
from firmware.tools.package import partition_table
from firmware.tools.package.partition_table import APP

NO_IMAGE = -5379  # ESP_ERR_OTA_VALIDATE_FAILED
WRITE, ERASURE, READ = "write", "erasure", "read"


class PowerCutError(Exception):
    """The power went in the middle of an access to the flash."""


class Flash:
    """What was flashed. `good` are the images that the chip's own check finds whole.

    With `cut` (what, block of a partition) the next such access is half done and the power goes.
    """

    def __init__(self, data: bytes, good: Collection[bytes]) -> None:
        self.data = bytearray(data)
        self.good = good
        self.cut: tuple[str, int] | None = None

    def goes_out(self, what: str, block: int) -> bool:
        """Return whether this is the access to cut; there is one."""
        if self.cut != (what, block):
            return False
        self.cut = None
        return True


class Partition:
    """`esp32.Partition`: a bit that is written to 0 becomes 1 by erasing its block alone."""

    def __init__(self, chip: Chip, place: partition_table.Partition) -> None:
        self._chip, self._flash, self._place = chip, chip.flash, place

    def info(self) -> tuple[int, int, int, int, str, bool]:
        place = self._place
        return place.kind, place.subtype, place.start, place.size, place.name, False

    def readblocks(self, block: int, buffer: memoryview | bytearray, offset: int) -> None:
        if self._flash.goes_out(READ, block):
            raise PowerCutError
        start = self._at(block, offset, len(buffer))
        buffer[:] = self._flash.data[start : start + len(buffer)]

    def writeblocks(self, block: int, data: bytes | memoryview, offset: int) -> None:
        start, cut = self._at(block, offset, len(data)), self._flash.goes_out(WRITE, block)
        written = bytes(data[: len(data) // 2] if cut else data)
        before = self._flash.data[start : start + len(written)]
        after = int.from_bytes(before, "big") & int.from_bytes(written, "big")
        self._flash.data[start : start + len(written)] = after.to_bytes(len(written), "big")
        if cut:
            raise PowerCutError

    def ioctl(self, order: int, argument: int) -> int | None:
        assert order == ERASE
        start, cut = self._at(argument, 0, BLOCK), self._flash.goes_out(ERASURE, argument)
        size = BLOCK // 2 if cut else BLOCK
        self._flash.data[start : start + size] = b"\xff" * size
        if cut:
            raise PowerCutError
        return None

    def set_boot(self) -> None:
        content = self.content()
        if not any(content.startswith(image) for image in self._flash.good):
            raise OSError(NO_IMAGE)
        self._chip.chosen = self._place.name

    def content(self) -> bytes:
        return bytes(self._flash.data[self._place.start : self._place.end])

    def _at(self, block: int, offset: int, size: int) -> int:
        assert 0 <= block * BLOCK + offset <= self._place.size - size
        start: int = self._place.start + block * BLOCK + offset
        return start


class Chip:
    """`esp32.Partition` as a class. `running`, `chosen` and `valid` are labels of partitions.

    The boot loader starts what was chosen; what has run once and was not kept is given up for the
    valid one.
    """

    RUNNING, TYPE_APP = 1, APP

    def __init__(self, flash: Flash) -> None:
        self.flash = flash
        self._table = partition_table.of_image(bytes(flash.data), 0)
        self.running = self.chosen = self.valid = partition_table.FIRST_SLOT

    def __call__(self, which: int) -> Partition:
        assert which == self.RUNNING
        return self.find(APP, label=self.running)[0]

    def find(self, kind: int, *, label: str) -> list[Partition]:
        return [
            Partition(self, place)
            for place in self._table
            if (place.kind, place.name) == (kind, label)
        ]

    def mark_app_valid_cancel_rollback(self) -> None:
        self.valid = self.running

    def start(self) -> str:
        """Start until a loader runs its firmware; return the slot."""
        for _ in range(8):
            if self.chosen == self.running != self.valid:
                self.chosen = self.valid
            self.running = self.chosen
            found: str = loader.choose_image(self)
            if found:
                return found
        raise AssertionError("it never settles on an image")
