"""Where the interpreter of simulated receivers is."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def interpreter() -> str:
    """Return the MicroPython of this environment, or its bare name where there is none."""
    beside = Path(sys.executable).parent
    return shutil.which("micropython", path=str(beside)) or "micropython"
