"""Simulated boards with the firmware of this tree in their flash."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from firmware.tools.package import file_system
from firmware.tools.package.build import Built, Options, build
from simulator.hardware.board import stand_in
from simulator.hardware.board.board import BoardConfig, SimulatedBoard
from simulator.hardware.radio.server import Radio
from tests.support.world.kept import kept


@cache
def release() -> Built:
    """Build the simulated board's release, once for these sources."""
    return kept("release", lambda folder: build("unix", folder, Options(release=1, dirty=True)))


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
