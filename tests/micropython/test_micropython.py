"""Runs every check_*.py of this folder in the real MicroPython interpreter."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.values.micropython import interpreter

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LIMIT = 120  # seconds; the slowest script takes a few


@pytest.fixture(scope="session")
def micropython() -> str:
    """The interpreter that was installed beside this Python."""
    return interpreter()


@pytest.mark.parametrize("script", sorted(HERE.glob("check_*.py")), ids=lambda path: path.stem)
def test_script(micropython: str, script: Path) -> None:
    """Exit status 0, and the number of cases on standard output."""
    path = f"{ROOT}:{ROOT}/firmware/device/lib:.frozen"
    run = subprocess.run(
        [micropython, str(script)],
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "cases" in run.stdout
