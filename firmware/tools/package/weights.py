"""What a slot weighs in flash and in memory, and the budgets that it must keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from firmware.tools.bundle import mpy, slot, sources

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .targets import Target

# Bytes of code that a slot loads to sell. MicroPython's own images copy them to memory: with them
# four phones stand at a sale in a pool of 168 kB, and each further kilobyte is one that a sale
# lacks (docs/hardware.md). Machine code of the chips differs in length.
LOADED_BYTES_MOST = {"rv32imc": 96_000, "xtensawin": 104_000, "x64": 120_000}
LOADED_NAMES_MOST = 320  # each dynamic name costs about 22 bytes, in one table that doubles
# Bytes of what runs without the rest: it has the pool to itself, and needs a third for its work.
ALONE_BYTES_MOST = 96_000
SLOT_BYTES_MOST = 400_000  # two slots and a crash's notes fit twice into the least flash's 2 MB


class Weight(NamedTuple):
    """One file of a slot, or one source by itself: bytes in flash, and dynamic names."""

    path: str
    bytes: int
    names: int
    alone: bool  # never loaded together with the rest


class Budget(NamedTuple):
    name: str
    used: int
    most: int

    @property
    def kept(self) -> bool:
        return self.used <= self.most


def weigh(files: Mapping[str, bytes]) -> list[Weight]:
    """Return the weight of each compiled file, by its path in the slot."""
    alone = slot.files_apart()
    return [
        Weight(path, len(data), len(mpy.names(data)), path in alone)
        for path, data in sorted(files.items())
    ]


def budgets(files: Mapping[str, bytes], target: Target) -> list[Budget]:
    """Return every budget with what the files use of it."""
    weights = weigh(files)
    together = [files[each.path] for each in weights if not each.alone]
    names = {name for data in together for name in mpy.names(data)}
    loaded = LOADED_BYTES_MOST[target.machine.architecture]
    return [
        Budget("loaded_bytes", sum(map(len, together)), loaded),
        Budget("loaded_names", len(names), LOADED_NAMES_MOST),
        Budget("alone_bytes", sum(x.bytes for x in weights if x.alone), ALONE_BYTES_MOST),
        Budget("slot_bytes", sum(x.bytes for x in weights), SLOT_BYTES_MOST),
    ]


def modules(root: Path, target: Target) -> list[Weight]:
    """Weigh each source that a slot is made of, compiled by itself: where its bytes come from.

    The build merges and shortens them, so that together they weigh less than half.
    """
    from firmware.tools.bundle.program import ENTRY

    machine = target.machine
    tree = sources.Tree(root, sources.facts(machine.target), machine.excluded)
    found = []
    for source in sources.closure(tree, ENTRY):
        text = (root / source.path).read_text()
        compiled = mpy.compile_text(text, source.name, machine.architecture, (mpy.OPTIMISED,))
        found.append(Weight(source.name, len(compiled), len(mpy.names(compiled)), alone=False))
    return sorted(found, key=lambda weight: -weight.bytes)
