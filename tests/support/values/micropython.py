"""The MicroPython that the development requirements install."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def interpreter() -> str:
    """Its program, which lies beside this Python."""
    found = shutil.which("micropython", path=str(Path(sys.executable).parent))
    assert found, "no micropython beside this Python: install the development requirements"
    return found
