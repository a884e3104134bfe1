"""What every Tillsign image holds: the firmware, on a board and on QEMU's machine.

MicroPython's build runs this file. TILLSIGN_FROZEN names a folder of sources that
`firmware.tools.bundle` made of the device's files; without it the files are frozen as they are.
"""

import os
from pathlib import Path

ROOT = Path.cwd().parents[1]  # the build runs a manifest in the manifest's own folder
LIBRARY = "firmware/device/lib"  # modules of their own, beside the packages
LOADER = "firmware/device/main.py"  # runs first, by its name
# As `firmware.tools.compile.device_files`, which needs more than the build's Python has.
HOST_ONLY = ("host", "crypto/host.py", "crypto/interface.py", "crypto/twins")


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))


def freeze_files(folder: Path, files: list[str]) -> None:
    """Freeze without line numbers or assertions, in the same order each time."""
    if not files:
        raise ValueError(f"nothing to freeze in {folder}")
    freeze(str(folder), tuple(files), opt=3)


def is_host_only(name: str) -> bool:
    return any(
        name == f"receiver/{each}" or name.startswith(f"receiver/{each}/") for each in HOST_ONLY
    )


made = os.environ.get("TILLSIGN_FROZEN")
if made:
    freeze_files(Path(made), below(Path(made)))
else:
    parts = ("receiver", "firmware/device")
    files = [f"{part}/{name}" for part in parts for name in below(ROOT / part)]
    apart = {name for name in files if name.startswith(f"{LIBRARY}/")} | {LOADER}
    freeze_files(ROOT, [name for name in files if name not in apart and not is_host_only(name)])
    freeze_files(ROOT / LIBRARY, below(ROOT / LIBRARY))
    freeze_files((ROOT / LOADER).parent, [Path(LOADER).name])
