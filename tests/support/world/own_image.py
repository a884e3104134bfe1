"""Stands for what `firmware/image/build` leaves: fixed bytes, laid out as an image of ours is."""

from __future__ import annotations

from functools import cache
from hashlib import sha256, shake_256
from pathlib import Path

from firmware.tools.bundle import frozen
from firmware.tools.compile import ROOT
from firmware.tools.package import partition_table, targets
from firmware.tools.package.build import Built, Options, build
from firmware.tools.package.own_image import CHIPS
from tests.support.world.kept import kept

C3 = "esp32-c3-devkitm-1"
SIZE = 1_600_000  # bytes of a program, about what an image is expected to have
_BOOT_LOADER = 20_000


@cache
def frozen_hash() -> bytes:
    """The firmware's hash as this tree's sources give it, and as an image of them states it."""
    machine = targets.of_image(ROOT, C3).machine
    return kept("frozen", lambda folder: frozen.write(ROOT, folder, machine))


def program(chip: str = "esp32c3", size: int = SIZE, firmware: bytes | None = None) -> bytes:
    """One slot's image, with the hash where a program has its constants."""
    head = header(chip) + shake_256(b"program").digest(size // 2)
    head += frozen_hash() if firmware is None else firmware
    return head + shake_256(b"rest").digest(size - len(head))


def whole(program: bytes, chip: str = "esp32c3") -> bytes:
    """Boot loader, table and program, as they lie in the flash from the boot loader on."""
    table = partition_table.stated(ROOT)
    slot = partition_table.named("ota_0", table)
    assert slot is not None
    start = CHIPS[chip].address
    boot = header(chip) + shake_256(b"boot").digest(_BOOT_LOADER)
    head = boot.ljust(partition_table.TABLE - start, b"\xff") + partition_table.encoded(table)
    return head.ljust(slot.start - start, b"\xff") + program


def write(folder: Path, program: bytes, all_of_it: bytes) -> Path:
    """Write both files and their right sums."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"firmware.bin": all_of_it, "micropython.bin": program}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    sums = (f"{sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    (folder / "SHA256SUMS").write_text("".join(sums))
    return folder


def released() -> tuple[Path, Built]:
    """Return an image of this tree's sources, and the release that states it; only to read."""

    def made(folder: Path) -> tuple[Path, Built]:
        one = program()
        image = write(folder / "image", one, whole(one))
        return image, build(C3, folder / "release", Options(release=7, dirty=True, image=image))

    return kept("image", made)


def header(chip: str) -> bytes:
    """What begins every image for a chip."""
    number = CHIPS[chip].number
    return b"\xe9" + bytes(11) + number.to_bytes(2, "little") + bytes(10)
