"""Where the files of a virtual store lie while its process runs."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")


@lru_cache
def scratch() -> Path:
    """Return a folder of this process alone, in shared memory where syncing takes no time."""
    where = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    folder = Path(tempfile.mkdtemp(dir=where, prefix=f"tillsign-{os.getpid()}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
