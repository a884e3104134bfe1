"""What a release brings to a board: compiled files for a directory, or an image of our own."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from firmware.device.ports.partitions import IMAGE
from firmware.tools.bundle import frozen
from firmware.tools.bundle import slot as bundle
from receiver.host.name_map import SUFFIX, NameMap

from . import file_system, weights
from .own_image import ImageError, OwnImage

if TYPE_CHECKING:
    from .targets import Target
    from .weights import Budget, Weight


class Content(NamedTuple):
    """`files` are the slot's by path, `beside` those in the root of a new board's file system.

    The file system lies at `address` and has `blocks`. `frozen_hash` is the firmware's, if it is in
    the image: else it is measured over files.
    """

    files: dict[str, bytes]
    beside: dict[str, bytes]
    names: NameMap
    address: int
    blocks: int
    flash_mb: int
    weights: list[Weight]
    budgets: list[Budget]
    frozen_hash: str = ""


def compiled(root: Path, slot: Path, target: Target, flash_mb: int) -> Content:
    """Compile the firmware into `slot`, a new folder."""
    made = bundle.write(root, slot, target.machine)
    files = {path: (slot / path).read_bytes() for path in sorted(made.sizes)}
    names = NameMap.load(made.name_map)
    made.name_map.unlink()
    return Content(
        files,
        bundle.loader(root, target.machine),
        names,
        file_system.START,
        file_system.blocks_of(flash_mb),
        flash_mb,
        weights.weigh(files),
        weights.budgets(files, target),
    )


def of_image(root: Path, slot: Path, target: Target, image: OwnImage) -> Content:
    """Put an image into `slot`, a new folder; raise ImageError if it has other firmware in it.

    The firmware is built anew from these sources: the hash that it states must stand in the image.
    The loader is in there as well.
    """
    with TemporaryDirectory(prefix="tillsign-") as folder:
        place = Path(folder, "frozen")
        stated = frozen.write(root, place, target.machine)
        names = NameMap.load(place.with_name(place.name + SUFFIX))
    if stated not in image.program:
        raise ImageError(
            f"the image does not hold the firmware of these sources ({stated.hex()}): check the "
            "image's commit out, or build it again with firmware/image/build"
        )
    slot.mkdir(parents=True)
    (slot / IMAGE).write_bytes(image.program)
    size = len(image.program)
    return Content(
        {IMAGE: image.program},
        {},
        names,
        image.data.start,
        image.data.size // file_system.BLOCK,
        image.flash_mb,
        [weights.Weight(IMAGE, size, 0, alone=False)],
        [weights.Budget("slot_bytes", size, image.slot.size)],
        stated.hex(),
    )
