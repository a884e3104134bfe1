"""The firmware in a chip's memory: measured on the RISC-V machine, on the built image and flash."""

from __future__ import annotations

from collections.abc import Callable

from simulator.hardware.rv32 import program
from simulator.tools.chip.smallest import figures, in_two, smallest, whole
from simulator.world.receiver_command import Chip

from .rows import Figure

AIR = 24_000  # bytes beyond the smallest pool: what a board is given at least
_KB, _THOUSANDS = 1000, 1000  # the machine counts thousands of instructions
_SHIM = b"""
import gc
gc.collect()
before = gc.mem_alloc()
import bluetooth
made = bluetooth.BLE()
gc.collect()
print(gc.mem_alloc() - before)
"""


def measure(tell: Callable[[str], object]) -> dict[str, Figure]:
    """Measure; `tell` hears which memory is tried."""
    flash, image = smallest(False, whole, tell), smallest(True, whole, tell)
    pieces = smallest(True, in_two, tell)
    shim = int(program.run({"/program.py": _SHIM}))
    return {
        "chip_pool_littlefs": Figure(flash / _KB),
        "chip_pool_frozen": Figure(image / _KB),
        "chip_pool_in_pieces": Figure(pieces / _KB),
        "chip_harness": Figure(shim / _KB),
        **_sale("littlefs", Chip(whole(flash + AIR), frozen=False)),
        **_sale("frozen", Chip(whole(image + AIR), frozen=True)),
    }


def _sale(name: str, chip: Chip) -> dict[str, Figure]:
    before, after = figures(chip)
    return {
        f"chip_boot_{name}": Figure(before.boot / _THOUSANDS),
        f"chip_turn_{name}": Figure(after.longest_turn / _THOUSANDS),
        f"chip_turn_collecting_{name}": Figure(after.longest_turn_collecting / _THOUSANDS),
        f"chip_collection_{name}": Figure(after.collection / _THOUSANDS),
        f"chip_collections_{name}": Figure(after.collections - before.collections),
    }
