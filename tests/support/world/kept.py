"""What takes seconds to build of this tree's sources, kept from one run to the next."""

from __future__ import annotations

import pickle
import shutil
import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TypeVar, cast

from firmware.tools.compile import ROOT
from simulator.hardware.rv32 import image

T = TypeVar("T")

_SOURCES = ("receiver", "firmware", "requirements")
_KEPT = ROOT / "build/kept"  # of the sources as they were last; every run of the tests uses it


def kept(name: str, make: Callable[[Path], T]) -> T:
    """Return what `make` gave, called once for these sources, with a folder that stays there."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    place = _KEPT / _stamp()
    told = place / f"{name}.told"  # a value of these sources' class, which others cannot read
    with image.alone(_KEPT / f"lock-{name}"):
        if not told.exists():
            _drop_others(place)
            place.mkdir(exist_ok=True)
            told.write_bytes(pickle.dumps(make(place / name)))
        return cast("T", pickle.loads(told.read_bytes()))


def _drop_others(place: Path) -> None:
    for old in _KEPT.iterdir():
        if old.is_dir() and old != place:
            shutil.rmtree(old, ignore_errors=True)  # another process may do the same


@cache
def _stamp() -> str:
    total = sha256(sys.version.encode())  # one Python's pickle is not another's
    files = [path for part in _SOURCES for path in (ROOT / part).rglob("*")]
    for path in sorted(path for path in files if path.suffix in (".py", ".txt")):
        total.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return total.hexdigest()[:16]
