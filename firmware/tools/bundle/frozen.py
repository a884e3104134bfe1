"""Write sources to freeze into MicroPython's image: `firmware/image/manifest.py` names the folder.

A frozen image has no slot to measure, so its hash is a constant: of exactly these files.
"""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

from firmware.device.version import HASH_SIZE
from receiver.host.name_map import SUFFIX

from .program import STEPS, firmware
from .slot import Machine, modules, shown

HASH = "firmware.device.version.FROZEN_HASH"  # the result of `measure` without a slot
LOADER = Path("firmware/device/main.py")
_DIRECTORIES = "IMAGE = False"  # the loader's, in a slot
_NO_HASH = b"unhashed"  # stands in the files while they are hashed, and nowhere else in them


def loader(text: str) -> str:
    """Return the loader of an image, which knows that it is in one."""
    if text.count(_DIRECTORIES) != 1:
        raise ValueError(f"{LOADER} does not state {_DIRECTORIES}")
    return text.replace(_DIRECTORIES, "IMAGE = True")


def write(root: Path, output: Path, machine: Machine) -> bytes:
    """Write `output`, a new folder, and the name map beside it; return the constant hash."""
    known = {HASH: _NO_HASH}
    short = firmware(root, machine.target, machine.excluded, STEPS, known)
    files = modules(root, short, machine, shown(short), known=known)
    files["main.py"] = loader((root / LOADER).read_text())
    total = sha256()
    for path, text in sorted(files.items()):
        total.update(f"{len(path)} {path} {len(text)}\n{text}".encode())
    found = total.digest()[:HASH_SIZE]
    if output.exists():
        shutil.rmtree(output)
    for path, text in files.items():
        place = output / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text.replace(repr(_NO_HASH), repr(found)))
    names = short.names._replace(firmware_hash=found.hex())
    output.with_name(output.name + SUFFIX).write_text(names.to_json())
    return found
