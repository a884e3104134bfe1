"""Compare ESP-IDF's settled configuration with what a board's fragments asked for.

Usage: python -m firmware.tools.sdkconfig SDKCONFIG BOARD

ESP-IDF only warns of an option that it does not know, and says nothing of one that another option
overrules. Runs in Espressif's container, on the standard library alone.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

IMAGE = Path(__file__).resolve().parents[1] / "image"
SHARED = ("sdkconfig.nimble", "sdkconfig.receiver")
OFF = "n"
# Not in every version of ESP-IDF; `firmware/image/common/common.cmake` sets the same.
MAY_BE_UNKNOWN = frozenset({"CONFIG_BT_NIMBLE_ATT_MAX_PREP_ENTRIES"})


def fragments(board: str) -> list[Path]:
    """Return the files of ours that configure this board, in the order in which they apply."""
    own = IMAGE / "boards" / board / "sdkconfig.board"
    return [*(IMAGE / "common" / name for name in SHARED), *([own] if own.exists() else [])]


def options(text: str) -> dict[str, str]:
    """Return option → value; the last line about an option counts."""
    lines = (line.split("=", 1) for line in text.splitlines() if line.startswith("CONFIG_"))
    return {name.strip(): value.strip() for name, value in lines}


def differences(wanted: Mapping[str, str], settled: Mapping[str, str]) -> list[str]:
    """Name every option that is not as it was asked for."""
    found = []
    for name, value in wanted.items():
        got = settled.get(name, OFF)  # an option that is off stands in a comment
        if got != value and not (name in MAY_BE_UNKNOWN and name not in settled):
            found.append(f"{name} is {got}, not {value}")
    return found


def main() -> None:
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    wanted: dict[str, str] = {}
    for path in fragments(sys.argv[2]):
        wanted.update(options(path.read_text()))
    found = differences(wanted, options(Path(sys.argv[1]).read_text()))
    if found:
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main()
