"""Print the bytes of machine code of every kernel on both kinds of chip, beside the limit.

Usage: python -m simulator.tools.chip
"""

from __future__ import annotations

import sys

from firmware.tools.compile import ARCHITECTURES
from simulator.tools import figures

from .build import CODE_LIMIT, sizes

_LIMITED = "xtensawin"


def main() -> int:
    """Print the table; return 1 if the kernels are too big."""
    found = [sizes(architecture) for architecture in ARCHITECTURES]
    table = figures.table("kernel", *ARCHITECTURES)
    for name in found[0]:
        table.add_row(name, *(str(chip[name]) for chip in found))
    sums = [sum(chip.values()) for chip in found]
    table.add_row("all", *map(str, sums))
    limits = [CODE_LIMIT if chip == _LIMITED else "" for chip in ARCHITECTURES]
    table.add_row("limit", *map(str, limits))
    figures.console().print(table)
    return int(sums[ARCHITECTURES.index(_LIMITED)] > CODE_LIMIT)


if __name__ == "__main__":
    sys.exit(main())
