"""Build an image: `python -m firmware.tools.bundle --board NAME | --target T OUTPUT`.

Prints the bytes of each file, the number of dynamic names (qstrs), and the totals.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from firmware.tools.compile import ROOT

from . import figures, frozen, slot
from .boards import boards, others


def main() -> None:
    parser = argparse.ArgumentParser(prog="firmware.tools.bundle", description=__doc__)
    machine = parser.add_mutually_exclusive_group(required=True)
    known = boards(ROOT)
    machine.add_argument("--board", choices=known, help="one board: no other pin map is in it")
    machine.add_argument("--target", choices=sorted(slot.ARCHITECTURES))
    parser.add_argument("--march", help="of --target esp32: rv32imc (default) or xtensawin")
    parser.add_argument(
        "--frozen", action="store_true", help="write sources to freeze into MicroPython's image"
    )
    parser.add_argument(
        "--figures", action="store_true", help="print what each step saves; nothing is written"
    )
    parser.add_argument("output", type=Path, nargs="?", help="the slot's folder, made anew")
    given = parser.parse_args()
    if given.board:
        target, architecture = "esp32", known[given.board].architecture
    else:
        target, architecture = given.target, given.march or slot.ARCHITECTURES[given.target][0]
    if architecture not in slot.ARCHITECTURES[target]:
        parser.error(f"--march is one of {', '.join(slot.ARCHITECTURES[target])}")
    excluded = others(ROOT, given.board) if given.board else frozenset()
    wanted = slot.Machine(target, architecture, excluded)
    if given.figures:
        print(figures.table(ROOT, wanted))
        return
    if given.output is None:
        parser.error("OUTPUT is missing")
    if given.frozen:
        print(f"firmware hash {frozen.write(ROOT, given.output, wanted).hex()}")
        return
    made = slot.write(ROOT, given.output, wanted)
    for path, size in made.sizes.items():
        print(f"{size:8} {path}")
    print(f"{sum(made.sizes.values()):8} bytes for {target} on {architecture}")
    print(f"{made.names:8} dynamic names")
    print(f"build {made.build}, firmware hash {made.firmware_hash}, names in {made.name_map}")


if __name__ == "__main__":
    main()
