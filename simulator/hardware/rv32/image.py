"""MicroPython for the machine, built from its sources and `port/`, with a manifest's files in it.

The first build takes a minute, each further image half of that; a finished one is kept until
something that it was made of changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import sources, toolchain

PORT = Path(__file__).parent / "port"
MODULES = Path(__file__).parents[1] / "micropython"
BUILD = Path(__file__).parents[3] / "build/chip"
# What every image holds: asyncio as on ESP32, and what stands in for its radio and its flash.
_MANIFEST = """
include("$(MPY_DIR)/extmod/asyncio")
freeze({modules!r}, ("bluetooth.py", "radiowire.py"))
freeze({port!r})
"""
_RADIO = ("bluetooth.py", "radiowire.py")


class ImageError(Exception):
    """The build failed; the text is the end of what it printed."""


def stock() -> Path:
    """Return an image that holds no firmware, like MicroPython's own: an ELF file."""
    return built("stock", "")


def built(name: str, manifest: str) -> Path:
    """Return the image that also has what `manifest` freezes; built if it is not there.

    Raises ToolsMissingError, SourcesError or ImageError.
    """
    toolchain.require()
    made = BUILD / name
    made.mkdir(parents=True, exist_ok=True)
    with _alone(BUILD / "lock"):
        top = sources.unpacked(BUILD)
        text = _MANIFEST.format(modules=str(MODULES), port=str(PORT / "modules")) + manifest
        image, stamp, wanted = made / "firmware.elf", made / "stamp", _stamp(text)
        if not (image.exists() and stamp.exists() and stamp.read_text() == wanted):
            stamp.unlink(missing_ok=True)
            _make(top / "mpy-cross")
            (made / "manifest.py").write_text(text)
            _make(PORT, f"TOP={top}", f"BUILD={made}", f"FROZEN_MANIFEST={made / 'manifest.py'}")
            stamp.write_text(wanted)
    return image


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process builds."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _stamp(manifest: str) -> str:
    """Return a hash of what an image is made of, besides the pinned sources."""
    total = hashlib.sha256(f"{sources.VERSION}\n{manifest}".encode())
    files = [*PORT.rglob("*"), *(MODULES / name for name in _RADIO)]
    for path in sorted(path for path in files if path.is_file()):
        total.update(f"{path.name}\n".encode() + path.read_bytes())
    return total.hexdigest()


def _make(directory: Path, *settings: str) -> None:
    """Run make there; raises ImageError."""
    jobs = f"-j{len(os.sched_getaffinity(0))}"
    # SOURCE_DATE_EPOCH: the same image each day. MAKEFLAGS are those of a make that started us.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0", "MAKEFLAGS": "", "MAKELEVEL": ""}
    asked = ["make", jobs, "-C", str(directory), *settings]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise ImageError(f"{' '.join(asked)} ended with {done.returncode}:\n{end}")
