"""Runs every check_*.py of this folder in the real MicroPython interpreter."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from firmware.tools.bundle import mpy, program, slot
from tests.support.values.micropython import interpreter

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LIMIT = 120  # seconds; the slowest script takes a few


@pytest.fixture(scope="session")
def micropython() -> str:
    """The interpreter that was installed beside this Python."""
    return interpreter()


@pytest.mark.parametrize("script", sorted(HERE.glob("check_*.py")), ids=lambda path: path.stem)
def test_script(
    micropython: str, script: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Exit status 0, and the number of cases on standard output."""
    path, command = f"{ROOT}:{ROOT}/firmware/device/lib:.frozen", [str(script)]
    if request.config.getoption("--firmware") == "bundle":
        fakes = "import fakes; " if "import fakes" in script.read_text() else ""  # before all else
        path = f"{tmp_path}:{HERE}:.frozen"
        command = ["-c", f"{fakes}import {script.stem}"]
        build(script, tmp_path)
    run = subprocess.run(
        [micropython, *command],
        env={**os.environ, "MICROPYPATH": path},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "cases" in run.stdout


def build(script: Path, folder: Path) -> None:
    """Write the script and all that it imports as one module, shortened as an image is."""
    name = ".".join(script.relative_to(ROOT).with_suffix("").parts)
    texts = {script.name: program.script(ROOT, name).text, **slot.kernels(ROOT)}
    for file, text in texts.items():
        compiled = mpy.compile_text(text, file, "x64", (mpy.OPTIMISED,))
        (folder / file).with_suffix(".mpy").write_bytes(compiled)
