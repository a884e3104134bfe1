"""A plan to flash: the stand-in for MicroPython's image, and this tree's release."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware.tools.flash.plan import Plan, plan
from simulator.hardware.board import stand_in
from tests.support.world.simulated import release


@pytest.fixture
def files(tmp_path: Path) -> stand_in.Files:
    return stand_in.write(tmp_path)


@pytest.fixture
def planned(files: stand_in.Files) -> Plan:
    return plan(files.image, release().folder, [files.table])
