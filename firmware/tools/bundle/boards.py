"""Name the boards that images are built for, from the device's own files."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

FOLDER = Path("firmware/device/boards")
ARCHITECTURES = {
    "ESP32": "xtensawin",
    "ESP32-PICO-D4": "xtensawin",
    "ESP32S3": "xtensawin",
    "ESP32C3": "rv32imc",
    "ESP32C6": "rv32imc",
}


class Board(NamedTuple):
    """A pin map: its module's dotted name, and the machine code of its chip."""

    module: str
    architecture: str
    chip: str  # as the interpreter names it


def boards(root: Path) -> dict[str, Board]:
    """Return every board by the name that flashing writes."""
    found = {}
    for path in sorted((root / FOLDER).glob("*.py")):
        values = {
            node.targets[0].id: node.value.value
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        if "CHIP" in values:
            module, chip = ".".join((*FOLDER.parts, path.stem)), str(values["CHIP"])
            found[str(values["NAME"])] = Board(module, ARCHITECTURES[chip], chip)
    return found


def others(root: Path, name: str) -> frozenset[str]:
    """Return the pin maps that an image for this one board leaves out."""
    return frozenset(board.module for each, board in boards(root).items() if each != name)
