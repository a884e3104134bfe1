"""Simulated boards with the firmware of this tree in their flash."""

from __future__ import annotations

import pickle
import shutil
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import cast

from firmware.tools.compile import ROOT
from firmware.tools.package import file_system
from firmware.tools.package.build import Built, Options, build
from simulator.hardware.board import stand_in
from simulator.hardware.board.board import BoardConfig, SimulatedBoard
from simulator.hardware.radio.server import Radio
from simulator.hardware.rv32 import image

_SOURCES = ("receiver", "firmware", "requirements")
_KEPT = ROOT / "build/release"  # of the sources as they were last; every run of the tests uses it


@cache
def release() -> Built:
    """Build the simulated board's release, once for these sources."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    stamp = _stamp()
    told = _KEPT / f"told-{stamp}"  # a value of these sources' class, which others cannot read
    with image.alone(_KEPT / "lock"):
        if told.exists():
            return cast("Built", pickle.loads(told.read_bytes()))
        for old in _KEPT.glob("told*"):
            old.unlink()
        for old in _KEPT.glob("[0-9a-f]*"):
            if old.is_dir():
                shutil.rmtree(old)
        built = build("unix", _KEPT / stamp, Options(release=1, dirty=True))
        told.write_bytes(pickle.dumps(built))
        return built


def _stamp() -> str:
    total = sha256(sys.version.encode())  # one Python's pickle is not another's
    files = [path for part in _SOURCES for path in (ROOT / part).rglob("*")]
    for path in sorted(path for path in files if path.suffix in (".py", ".txt")):
        total.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return total.hexdigest()[:16]


def flashed(
    folder: Path, config: BoardConfig | None = None, radio: Radio | None = None
) -> SimulatedBoard:
    """Return a board that has everything in its flash, written there directly."""
    board = SimulatedBoard(folder, config, radio)
    board.flash.create()
    for start, data in stand_in.pieces().items():
        board.flash.write(start, data)
    board.flash.write(file_system.START, release().image.read_bytes())
    return board
