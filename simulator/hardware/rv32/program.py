"""Run a program on the machine, alone: no line, no radio; what it prints comes back."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from firmware.tools.package import file_system

from . import image
from .qemu import QemuBoard

POOL = 400_000  # for programs that are not about memory
TIMEOUT_S = 300
# The machine ends with the program, and says by its exit code whether that raised.
_MAIN = b"""
import sys, virt
try:
    import program
except BaseException as error:
    sys.print_exception(error)
    virt.end(1)
virt.end(0)
"""


class ProgramError(Exception):
    """The program failed; the text is what it printed."""


def run(
    files: Mapping[str, bytes],
    *,
    on: Path | None = None,
    pool: Sequence[int] = (POOL,),
    timeout_s: float = TIMEOUT_S,
) -> str:
    """Run `/program.py` (or .mpy) of these files, by path; raises ProgramError.

    `on` is an image of its own. Instructions are counted: `virt.cycles()` tells how many.
    """
    with TemporaryDirectory(prefix="tillsign-") as directory:
        place = Path(directory, "flash")
        place.write_bytes(file_system.packed({"/main.py": _MAIN, **files}))
        board = QemuBoard(on or image.stock(), place, pool, counted=True)
        try:
            done = subprocess.run(
                board.argv(),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ProgramError(f"no end after {timeout_s} s: {error.output}") from error
    if done.returncode:
        raise ProgramError(f"{done.stdout}{done.stderr}")
    return done.stdout
