"""The programs that build the machine's MicroPython and run it; Debian has them all."""

from __future__ import annotations

import shutil
import subprocess

QEMU = "qemu-system-riscv32"
COMPILER = "riscv64-unknown-elf-gcc"
_PACKAGES = {
    QEMU: "qemu-system-misc",
    COMPILER: "gcc-riscv64-unknown-elf",
    "gcc": "gcc",
    "make": "make",
}
_LIBRARY, _LIBRARY_PACKAGE = "picolibc.specs", "picolibc-riscv64-unknown-elf"


class ToolsMissingError(Exception):
    """Programs are missing here; the text names their packages."""


def require() -> None:
    """Raise ToolsMissingError unless everything is there."""
    missing = [package for program, package in _PACKAGES.items() if not shutil.which(program)]
    if shutil.which(COMPILER) and not _has_library():
        missing.append(_LIBRARY_PACKAGE)
    if missing:
        raise ToolsMissingError(
            "the RISC-V machine needs packages that are not installed here: "
            f"apt-get install --no-install-recommends {' '.join(missing)}"
        )


def _has_library() -> bool:
    """Return whether the compiler finds picolibc: it prints the bare name if not."""
    asked = [COMPILER, f"--print-file-name={_LIBRARY}"]
    return (
        subprocess.run(asked, capture_output=True, check=True).stdout.strip() != _LIBRARY.encode()
    )
