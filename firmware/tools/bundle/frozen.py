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
_NO_HASH = bytes(HASH_SIZE)


def write(root: Path, output: Path, machine: Machine) -> bytes:
    """Write `output`, a new folder, and the name map beside it; return the constant hash."""
    known = {HASH: _NO_HASH}
    draft = firmware(root, machine.target, machine.excluded, STEPS, known)
    loader = (root / LOADER).read_text()
    total = sha256()
    for path, text in sorted(
        {
            **modules(root, draft, machine, shown(draft), known),
            "main.py": loader,
        }.items()
    ):
        total.update(f"{len(path)} {path} {len(text)}\n{text}".encode())
    known[HASH] = total.digest()[:HASH_SIZE]
    short = firmware(root, machine.target, machine.excluded, STEPS, known)
    if output.exists():
        shutil.rmtree(output)
    for path, text in {
        **modules(root, short, machine, shown(short), known),
        "main.py": loader,
    }.items():
        place = output / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    names = short.names._replace(firmware_hash=known[HASH].hex())
    output.with_name(output.name + SUFFIX).write_text(names.to_json())
    return known[HASH]
