"""The bridge's rules with nothing around them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.machines.controller import ControllerWorld


@pytest.fixture
def world(tmp_path: Path) -> ControllerWorld:
    return ControllerWorld(tmp_path)
