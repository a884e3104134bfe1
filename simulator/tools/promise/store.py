"""The records of a run on disk, scene by scene, so that a run goes on where it was broken off."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from . import record
from .jobs import MadeScene
from .record import Record

ROOT = Path(__file__).resolve().parents[3]
# What a purchase is made of. The rest of simulator/tools only shows it.
SOURCES = ("receiver", "firmware/device", "bridge", "simulator")
MAKERS = tuple(
    f"simulator/tools/promise/{name}.py"
    for name in ("bound", "buyer", "marks", "people", "purchase", "record", "scene", "witness")
)
HEAD = "run.json"


class RunHead(Struct, frozen=True):
    """What the stored records are of; those of another run are thrown away."""

    sources: str
    scene: int


class RecordStore:
    """A folder with one file of JSON lines for each air and profile."""

    def __init__(self, folder: Path, head: RunHead) -> None:
        self._folder = folder
        self._head = head

    def open(self, *, fresh: bool = False) -> None:
        """Keep what is there of the same sources, in whole scenes; remove the rest."""
        self._folder.mkdir(parents=True, exist_ok=True)
        head = self._folder / HEAD
        wanted = msgspec.json.encode(self._head)
        if fresh or not head.exists() or head.read_bytes() != wanted:
            for path in self._files():
                path.unlink()
            head.write_bytes(wanted)
        for path in self._files():
            self._mend(path)

    def done(self, air: str, profile: str) -> set[int]:
        """Return the seeds of the scenes that are there."""
        return {found.seed for found in self.records(air, profile)}

    def add(self, made: MadeScene) -> None:
        """Append a scene, in one write."""
        with self._path(made.job.air, made.job.profile).open("ab") as file:
            file.write(made.lines)

    def records(self, air: str, profile: str) -> Iterator[Record]:
        path = self._path(air, profile)
        if path.exists():
            yield from record.lines(path.read_bytes())

    def _mend(self, path: Path) -> None:
        """Drop the scene that was being written when the run was broken off."""
        data = path.read_bytes()
        found = list(record.lines(data))
        sizes = Counter(each.seed for each in found)
        whole = [each for each in found if sizes[each.seed] == self._head.scene]
        if len(whole) != len(found) or not data.endswith(b"\n"):
            path.write_bytes(b"".join(map(record.line, whole)))

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.jsonl"))

    def _path(self, air: str, profile: str) -> Path:
        return self._folder / f"{air}-{profile}.jsonl"


def fingerprint() -> str:
    """Return a hash of the sources that a purchase depends on."""
    found = hashlib.sha256()
    for path in sorted(path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("simulator/tools/") and name not in MAKERS:
            continue
        found.update(f"{name}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()
