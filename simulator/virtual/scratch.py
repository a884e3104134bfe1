"""Where the files of a virtual store lie: in shared memory, where syncing takes no time."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")


def folder() -> Path:
    """Make a new folder, which the caller removes."""
    where = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    return Path(tempfile.mkdtemp(dir=where, prefix=f"tillsign-{os.getpid()}-"))


@lru_cache
def scratch() -> Path:
    """Return the one folder of this process, which goes with it."""
    made = folder()
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made
