"""What a technician waits for: the build of a release, and a flash of 2 MB.

Flashing is compared with esptool's library alone, on the same simulated board in the same run. Both
have the same quick `rfc2217://`, and bytes that no compression shortens.
"""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import esptool
from esptool import cmds

from firmware.tools.flash import flash
from firmware.tools.flash.boot_loader import FAST_BAUD, ROM_BAUD
from firmware.tools.flash.partitions import Segment
from firmware.tools.flash.plan import FILE_SYSTEM, Plan, plan
from firmware.tools.package import file_system
from firmware.tools.package.build import Options, build
from simulator.hardware.board import stand_in
from simulator.hardware.board.board import BoardConfig, SimulatedBoard

from .rows import Figure

ROUNDS = 3  # of each, in turn; the least counts, as the machine does other things too


def measure() -> dict[str, Figure]:
    with TemporaryDirectory(prefix="tillsign-bench-") as name:
        folder = Path(name)
        built = _builds(folder)
        files = stand_in.write(folder)
        planned = plan(files.image, folder / "one", [files.table])
        return {**built, **asyncio.run(_flashes(folder, planned))}


def _builds(folder: Path) -> dict[str, Figure]:
    options, times = Options(release=1, dirty=True), []
    for name in ("one", "two"):
        start = time.monotonic()
        build("unix", folder / name, options)
        times.append(time.monotonic() - start)
    one, two = (_files(folder / name) for name in ("one", "two"))
    differing = sum(one.get(path) != two.get(path) for path in one.keys() | two.keys())
    return {"image_build": Figure(min(times)), "image_build_differing": Figure(differing)}


def _files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


async def _flashes(folder: Path, planned: Plan) -> dict[str, Figure]:
    """Flash a board in turn with either, other bytes each time."""
    ours, alone = [], []
    async with SimulatedBoard(folder, BoardConfig(chip=planned.image.chip)) as board:
        for turn in range(ROUNDS):
            ours.append(await asyncio.to_thread(_ours, board.url, _other(planned, 2 * turn)))
            segment = _random(2 * turn + 1)
            alone.append(await asyncio.to_thread(_alone, board.url, segment))
    value, bound = min(ours), min(alone)
    return {
        "flash_2_mb": Figure(value, bound),
        "flash_2_mb_over_esptool": Figure(value / bound),
    }


def _other(planned: Plan, seed: int) -> Plan:
    return planned._replace(segments=[_random(seed)])


def _random(seed: int) -> Segment:
    size = file_system.BLOCKS * file_system.BLOCK
    return Segment(FILE_SYSTEM, file_system.START, random.Random(seed).randbytes(size))


def _ours(port: str, planned: Plan) -> float:
    start = time.monotonic()
    flash.write(port, planned)
    return time.monotonic() - start


def _alone(port: str, segment: Segment) -> float:
    start = time.monotonic()
    esp = esptool.detect_chip(port, ROM_BAUD)
    esp = cmds.run_stub(esp)
    esp.change_baud(FAST_BAUD)
    cmds.attach_flash(esp)
    cmds.write_flash(esp, [(segment.address, segment.data)])
    cmds.reset_chip(esp, "hard-reset")
    esp._port.close()
    return time.monotonic() - start
