"""MicroPython for the machine, built from its sources and `port/`, with a manifest's files in it.

An image with firmware takes it from `firmware/image/manifest.py`, as the images for boards do.

The first build takes a minute, each further image half of that; a finished one is kept until
something that it was made of changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from . import sources, toolchain

PORT = Path(__file__).parent / "port"
MODULES = Path(__file__).parents[1] / "micropython"
BUILD = Path(__file__).parents[3] / "build/chip"
MANIFEST = Path(__file__).parents[3] / "firmware/image/manifest.py"
OURS = "-Os"  # how our own image is compiled (firmware/image/common/sdkconfig.receiver)
FROZEN = "TILLSIGN_FROZEN"  # names the folder that the manifest freezes
# asyncio as MicroPython's ESP32 port has it; -O3 as a release: no line numbers in the image.
_ASYNCIO = 'include("$(MPY_DIR)/extmod/asyncio")\n'
_INCLUDE = "include({manifest!r})\n"
_FREEZE = "freeze({folder!r}, {files!r}, opt=3)\n"


class Frozen(NamedTuple):
    """Files to freeze under their names below a folder."""

    folder: Path
    files: Sequence[str]


# What stands in for the radio and the flash of a chip.
_OURS = (Frozen(MODULES, ("bluetooth.py", "radiowire.py")), Frozen(PORT / "modules", ("_boot.py",)))


class ImageError(Exception):
    """The build failed; the text is the end of what it printed."""


def stock() -> Path:
    """Return an image that holds no firmware, like MicroPython's own: an ELF file."""
    return built("stock")


def built(name: str, firmware: Path | None = None, *, sites: bool = False) -> Path:
    """Return an image of this name, with the firmware whose sources are in a folder, if any.

    With `sites` an allocation can be made to fail by its site (port/sites.c).

    Raises ToolsMissingError, SourcesError or ImageError.
    """
    toolchain.require()
    made = BUILD / name
    made.mkdir(parents=True, exist_ok=True)
    with alone(BUILD / "lock"):
        top = sources.unpacked(BUILD)
        image, stamp, wanted = made / "firmware.elf", made / "stamp", _stamp(firmware)
        if not (image.exists() and stamp.exists() and stamp.read_text() == wanted):
            settings = ["SITES=1"] if sites else []
            settings += [f"OPTIMISATION={OURS}"] if firmware else []
            _forget(made, settings)
            _make(top / "mpy-cross")
            (made / "manifest.py").write_text(_manifest(firmware))
            settings += [f"TOP={top}", f"BUILD={made}", f"FROZEN_MANIFEST={made / 'manifest.py'}"]
            _make(PORT, *settings, firmware=firmware)
            stamp.write_text(wanted)
    return image


def _forget(made: Path, settings: Sequence[str]) -> None:
    """Remove what is out of date and make would keep, as it compares times alone.

    A change of the port's own sources moves the numbers of names, which frozen code has in it.
    """
    (made / "stamp").unlink(missing_ok=True)
    shutil.rmtree(made / "frozen_mpy", ignore_errors=True)
    rules, wanted = made / "rules", f"{settings}\n{_digest(PORT.rglob('*'))}"
    if not rules.exists() or rules.read_text() != wanted:
        shutil.rmtree(made)
        made.mkdir()
        rules.write_text(wanted)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Wait until no other process builds."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _manifest(firmware: Path | None) -> str:
    theirs = _INCLUDE.format(manifest=str(MANIFEST)) if firmware else _ASYNCIO
    return theirs + "".join(
        _FREEZE.format(folder=str(one.folder), files=tuple(one.files)) for one in _OURS
    )


def _stamp(firmware: Path | None) -> str:
    """Return a hash of what an image is made of, besides the pinned sources."""
    files = [*PORT.rglob("*"), *(one.folder / name for one in _OURS for name in one.files)]
    if firmware:
        files += [MANIFEST, *firmware.rglob("*.py")]
    return _digest(files, f"{sources.VERSION}\n{_manifest(firmware)}")


def _digest(files: Iterable[Path], text: str = "") -> str:
    total = hashlib.sha256(text.encode())
    for path in sorted(path for path in files if path.is_file()):
        total.update(f"{path}\n".encode() + path.read_bytes())
    return total.hexdigest()


def _make(directory: Path, *settings: str, firmware: Path | None = None) -> None:
    """Run make there; raises ImageError."""
    jobs = f"-j{len(os.sched_getaffinity(0))}"
    # SOURCE_DATE_EPOCH: the same image each day. MAKEFLAGS are those of a make that started us.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0", "MAKEFLAGS": "", "MAKELEVEL": ""}
    if firmware:
        environment[FROZEN] = str(firmware)
    asked = ["make", jobs, "-C", str(directory), *settings]
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        end = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise ImageError(f"{' '.join(asked)} ended with {done.returncode}:\n{end}")
