"""Merge the modules that are apart in another process, while this one merges the rest.

`python -m firmware.tools.bundle.aside ROOT TARGET MODULE EXCLUDED…` prints one of them.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from firmware.tools.compile import ROOT

from .program import APART, READABLE, firmware


def begun(root: Path, target: str, excluded: frozenset[str]) -> dict[str, subprocess.Popen[str]]:
    """Start a process for each module that is apart; each must be ended by `text`."""
    return {entry: _process(root, target, excluded, entry) for entry in APART}


def text(entry: str, process: subprocess.Popen[str]) -> str:
    """Return the merged source of one; raise SystemExit with what was wrong."""
    out, errors = process.communicate()
    if process.returncode:
        raise SystemExit(f"{entry}: {errors.strip()}")
    return out


def _process(
    root: Path, target: str, excluded: frozenset[str], entry: str
) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", __name__, str(root.absolute()), target, entry]
    return subprocess.Popen(
        [*command, *sorted(excluded)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def main(root: str, target: str, entry: str, *excluded: str) -> None:
    merged = firmware(Path(root), target, frozenset(excluded), READABLE, entry=entry)
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.stdout.write(merged.text)


if __name__ == "__main__":
    main(*sys.argv[1:])
