"""Write a slot that the loader can run: one module, the kernels, and a file that starts them.

The file that the loader looks for imports the kernels first, as their machine code needs the
largest piece of the heap, and on a chip starts the radio before anything large is loaded.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from firmware.device import version
from receiver.host.name_map import SUFFIX

from . import aside, mpy, parts
from .program import APART, MAIN, READABLE, STEPS, Short, firmware
from .sources import KERNELS

MODULE = "tillsign"  # of everything but kernels and loader
STARTER = Path("firmware/device/boot.py")  # where the loader looks for `main`
LOADER = Path("firmware/device/main.py")
# MicroPython starts a source alone, and compiling the loader would cost 5 M instructions and names.
START_LOADER = b"import loader\n\nloader.start()\n"
RADIO_FIRST = "import bluetooth\nbluetooth.BLE().active(True)\n"
# Each collection frees the records of a part for the functions of the next one.
_IN_PARTS = f"""import gc, {MODULE}
while {MODULE}.{parts.PARTS}:
    {MODULE}.{parts.PARTS}.pop(0)()
    gc.collect()
"""
ARCHITECTURES = {"esp32": ("rv32imc", "xtensawin"), "unix": ("x64",)}


class Machine(NamedTuple):
    """What an image is for; `excluded` are modules that it never needs."""

    target: str = "unix"
    architecture: str = "x64"
    excluded: frozenset[str] = frozenset()


class Slot(NamedTuple):
    """What was written: bytes of each file, and the dynamic names in what is loaded at once."""

    folder: Path
    sizes: dict[str, int]
    names: int
    build: str
    firmware_hash: str
    name_map: Path


def modules(
    root: Path,
    short: Short,
    machine: Machine,
    module: str = MODULE,
    *,
    known: Mapping[str, bytes] | None = None,
    apart: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return every file of a slot as source, by its path; `module` is the name of the largest.

    `apart` has the modules that share nothing, if they are merged already.

    Service mode shares no module with the rest, but for the kernels: it must start where that does
    not. It keeps its names and texts, as the name map is of the rest.
    """
    texts = kernels(root)
    if apart is None:
        apart = {
            entry: firmware(
                root, machine.target, machine.excluded, READABLE, known, entry=entry
            ).text
            for entry in APART
        }
    first = [Path(name).stem for name in texts]
    return {
        **{f"{name}.py": apart[entry] for entry, name in APART.items()},
        **{place(entry): starter_apart(first, name) for entry, name in APART.items()},
        STARTER.as_posix(): starter(first, machine.target, module),
        f"{module}.py": short.text,
        **texts,
    }


def place(module: str) -> str:
    """Return the source's path of a module that is apart."""
    return module.replace(".", "/") + ".py"


def files_apart() -> set[str]:
    """Return the paths in a slot of what is never loaded with the rest."""
    places = [*map(place, APART), *(f"{name}.py" for name in APART.values())]
    return {Path(path).with_suffix(".mpy").as_posix() for path in places}


def shown(short: Short) -> str:
    """Return what a traceback shows as the file: the build, by which its name map is found."""
    return f"t{short.build}"


def kernels(root: Path) -> dict[str, str]:
    """Return the kernels' sources by file name, each a module of its own."""
    found = sorted((root / KERNELS.replace(".", "/")).glob("*.py"))
    return {path.name: path.read_text() for path in found if path.stem != "__init__"}


def loader(root: Path, machine: Machine) -> dict[str, bytes]:
    """Return what lies beside the slots, in the root of a board, by its path there."""
    text = (root / LOADER).read_text()
    compiled = mpy.compile_text(text, "loader", machine.architecture, (mpy.OPTIMISED,))
    return {"/main.py": START_LOADER, "/loader.mpy": compiled}


def starter(first_modules: list[str], target: str, module: str) -> str:
    """Return the file that the loader looks for."""
    first = RADIO_FIRST if target == "esp32" else ""
    return (
        first
        + "".join(f"import {name}\n" for name in first_modules)
        + (_IN_PARTS if module == MODULE else "")
        + f"from {module} import {MAIN}\n"
    )


def starter_apart(first_modules: list[str], module: str) -> str:
    """Return the file by which a program of service mode is found.

    The kernels are first here too; service mode starts without them as well.
    """
    imports = "".join(f"    import {name}\n" for name in first_modules)
    return (
        f"try:\n{imports}except (MemoryError, ValueError):\n    pass\nfrom {module} import {MAIN}\n"
    )


def write(
    root: Path,
    output: Path,
    machine: Machine,
    *,
    steps: tuple[str, ...] = STEPS,
    options: tuple[str, ...] = (mpy.OPTIMISED,),
) -> Slot:
    """Build `output`, a new folder, and its name map beside it."""
    begun = aside.begun(root, machine.target, machine.excluded)
    try:
        short = firmware(root, machine.target, machine.excluded, steps)
    finally:  # no process may be left
        apart = {entry: aside.text(entry, process) for entry, process in begun.items()}
    if output.exists():
        shutil.rmtree(output)
    sizes, names = {}, set[str]()
    divided = short._replace(text=parts.divide(short.text))
    for path, text in modules(root, divided, machine, apart=apart).items():
        source = shown(short) if path == f"{MODULE}.py" else Path(path).stem
        compiled = mpy.compile_text(text, source, machine.architecture, options)
        written = (output / path).with_suffix(".mpy")
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_bytes(compiled)
        sizes[written.relative_to(output).as_posix()] = len(compiled)
        if written.relative_to(output).as_posix() not in files_apart():
            names |= mpy.names(compiled)
    measured = version.measure(str(output)).hex()
    name_map = output.with_name(output.name + SUFFIX)
    name_map.write_text(short.names._replace(firmware_hash=measured).to_json())
    return Slot(output, sizes, len(names), short.build, measured, name_map)
