"""Note what short names and numbers stand for: the file beside a slot, never on the board."""

from __future__ import annotations

from receiver.host.name_map import NameMap

from .merge import Program
from .names import Names
from .symbols import MARK


def mapped(build: str, program: Program, names: Names, texts: list[str]) -> NameMap:
    """Return the map of a build whose hash is not known yet."""
    functions: dict[str, list[tuple[str, str, int]]] = {}
    for node, short in names.functions.items():
        origin = program.origins[node]
        functions.setdefault(short, []).append((origin.name, origin.file, origin.line))
    originals = {
        short: program.places[name][1]
        for name, short in names.globals.items()
        if name in program.places
    }
    return NameMap(
        firmware_hash="",
        build=build,
        functions={short: sorted(found) for short, found in sorted(functions.items())},
        classes=dict(
            sorted(each for each in originals.items() if each[1].lstrip("_")[:1].isupper())
        ),
        attributes={short: name for name, short in sorted(names.attributes.items())},
        symbols={short: word.removeprefix(MARK) for word, short in sorted(names.symbols.items())},
        texts=texts,
    )
