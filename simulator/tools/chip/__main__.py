"""Print the bytes of machine code of every kernel on both kinds of chip, beside the limit.

Usage: python -m simulator.tools.chip [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from firmware.tools.compile import ARCHITECTURES

from .build import CODE_LIMIT, sizes

_LIMITED = "xtensawin"


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return 1 if the kernels are too big."""
    parser = argparse.ArgumentParser(prog="python -m simulator.tools.chip", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object, not a table")
    options = parser.parse_args(arguments)
    found = {architecture: sizes(architecture) for architecture in ARCHITECTURES}
    if options.json:
        print(json.dumps({**found, "limit": CODE_LIMIT}, indent=2))
    else:
        print("\n".join(_table(found)))
    return int(sum(found[_LIMITED].values()) > CODE_LIMIT)


def _table(found: dict[str, dict[str, int]]) -> list[str]:
    rows = {name: [found[chip][name] for chip in ARCHITECTURES] for name in found[_LIMITED]}
    rows["all"] = [sum(found[chip].values()) for chip in ARCHITECTURES]
    width = max(map(len, rows)) + 2
    lines = [_line(width, "kernel", ARCHITECTURES)]
    lines += [_line(width, name, row) for name, row in rows.items()]
    limits = [CODE_LIMIT if chip == _LIMITED else "" for chip in ARCHITECTURES]
    return [*lines, _line(width, "limit", limits)]


def _line(width: int, name: str, cells: Sequence[object]) -> str:
    return (name.ljust(width) + "".join([f"{cell:>12}" for cell in cells])).rstrip()


if __name__ == "__main__":
    sys.exit(main())
