"""Build a release folder: the same bytes from the same commit, wherever and whenever.

slot/                the files of the manifest, as an update carries them
manifest             the manifest's payload, unsigned
image.bin            the file system of a new board, for its partition `vfs`
firmware.names.json  what the short names and numbers of the firmware stand for
release.json         all of this for people and programs
"""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from littlefs import LittleFSError

from firmware.device import version as device_version
from firmware.tools.bundle import slot as bundle
from firmware.tools.compile import ROOT
from receiver.host.name_map import SUFFIX, NameMap
from receiver.protocol import firmware

from . import file_system, revision, targets, weights

if TYPE_CHECKING:
    from .targets import Target
    from .weights import Budget, Weight

SLOT, MANIFEST, IMAGE, NAMES, RELEASE = (
    "slot",
    "manifest",
    "image.bin",
    "firmware" + SUFFIX,
    "release.json",
)
FIRST_SLOT = "/a"  # where the loader looks without a word of an update
BOARD = "/board"  # the board's name, then perhaps `locked`: the loader and the pin map read it
LOCKED = "locked"
DIRTY = "+dirty"  # ends the version of a build that is no commit's
NO_COMMIT = bytes(firmware.GIT_SIZE)


class BuildError(Exception):
    """The release cannot be built; the text says what to do."""


class Built(NamedTuple):
    """A release folder that was written."""

    folder: Path
    target: Target
    manifest: firmware.Manifest
    payload: bytes  # the manifest's, as the slot holds it and as it is signed
    flash_mb: int
    firmware_hash: str  # of the slot with its manifest, as HELLO states it
    weights: list[Weight]
    budgets: list[Budget]

    @property
    def image(self) -> Path:
        return self.folder / IMAGE

    @property
    def slot(self) -> Path:
        return self.folder / SLOT

    @property
    def over_budget(self) -> list[Budget]:
        return [budget for budget in self.budgets if not budget.kept]


class Options(NamedTuple):
    """Without `release` it is the number of commits; without `version` the firmware's own."""

    release: int | None = None
    least_release: int = 0
    version: str = ""
    flash_mb: int | None = None
    locked: bool = False
    dirty: bool = False


def build(board: str, output: Path, options: Options | None = None, root: Path = ROOT) -> Built:
    """Write the release folder of a board; raise BuildError.

    `output` may be a release folder from before, which is replaced whole.
    """
    options = options or Options()
    if board not in targets.names(root):
        raise BuildError(f"no board {board!r}; there are {', '.join(targets.names(root))}")
    _check_output(output)
    target = targets.target(root, board)
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as folder:
        made = _write(Path(folder, "release"), target, options, root)
        if output.exists():
            shutil.rmtree(output)
        made.folder.rename(output)
    return made._replace(folder=output)


def _write(folder: Path, target: Target, options: Options, root: Path) -> Built:
    commit, release, version = _stated(options, root)
    made = bundle.write(root, folder / SLOT, target.machine)
    files = {path: (made.folder / path).read_bytes() for path in sorted(made.sizes)}
    rows = tuple(
        firmware.File(path, len(data), sha256(data).digest()) for path, data in files.items()
    )
    manifest = firmware.Manifest(
        release, options.least_release, target.board_class, version, commit, rows
    )
    try:
        payload = firmware.encode(manifest)
    except ValueError as error:
        raise BuildError(f"no board would take this release: {error}") from error
    flash_mb = options.flash_mb or target.flash_mb
    measured = _measured(made.folder, payload)
    (folder / MANIFEST).write_bytes(payload)
    (folder / IMAGE).write_bytes(_image(root, target, files, payload, options))
    names = NameMap.load(made.name_map)._replace(firmware_hash=measured)
    made.name_map.unlink()
    (folder / NAMES).write_text(names.to_json())
    weight, budgets = weights.weigh(files), weights.budgets(files, target)
    built = Built(folder, target, manifest, payload, flash_mb, measured, weight, budgets)
    (folder / RELEASE).write_text(json.dumps(described(built), indent=2) + "\n")
    return built


def described(built: Built) -> dict[str, object]:
    """Return a release for programs; it names no path of this machine and no time."""
    manifest, image = built.manifest, built.image.read_bytes()
    return {
        "board": built.target.board,
        "board_class": manifest.board_class,
        "chip": built.target.chip,
        "release": manifest.release,
        "least_release": manifest.least_release,
        "version": manifest.version,
        "git": manifest.git.hex(),
        "firmware_hash": built.firmware_hash,
        "flash_mb": built.flash_mb,
        "files": [
            {"path": file.path, "size": file.size, "sha256": file.hash.hex(), "names": weight.names}
            for file, weight in zip(manifest.files, built.weights, strict=True)
        ],
        "image": {
            "address": file_system.START,
            "size": len(image),
            "sha256": sha256(image).hexdigest(),
        },
        "budgets": {each.name: {"used": each.used, "most": each.most} for each in built.budgets},
    }


def _stated(options: Options, root: Path) -> tuple[bytes, int, str]:
    """Return commit, release number and version."""
    try:
        found = revision.of(root)
    except revision.RevisionError as error:
        if not options.dirty or options.release is None:
            raise BuildError(f"{error}; or say --dirty and --release NUMBER") from error
        found = revision.Revision(NO_COMMIT, 0, is_dirty=True)
    if found.is_dirty and not options.dirty:
        raise BuildError("the sources differ from their commit: commit them, or say --dirty")
    if options.release is None and not found.number:
        raise BuildError("this checkout has not the whole history: say --release NUMBER")
    release = found.number if options.release is None else options.release
    version = (options.version or device_version.VERSION) + DIRTY * found.is_dirty
    return found.commit, release, version


def _measured(folder: Path, payload: bytes) -> str:
    """Return the firmware's hash as a board states it, which has the manifest in its slot."""
    place = folder / MANIFEST
    place.write_bytes(payload)
    measured: str = device_version.measure(str(folder)).hex()
    place.unlink()
    return measured


def _image(
    root: Path, target: Target, files: dict[str, bytes], payload: bytes, options: Options
) -> bytes:
    words = [target.board, LOCKED] if options.locked else [target.board]
    content = {
        **bundle.loader(root, target.machine),
        BOARD: " ".join(words).encode(),
        f"{FIRST_SLOT}/{MANIFEST}": payload,
        **{f"{FIRST_SLOT}/{path}": data for path, data in files.items()},
    }
    blocks = file_system.blocks_of(options.flash_mb or target.flash_mb)
    try:
        return file_system.packed(content, blocks)
    except LittleFSError as error:
        raise BuildError(f"the files do not fit into {blocks} blocks of flash: {error}") from error


def _check_output(output: Path) -> None:
    """Refuse to replace a folder that this did not write."""
    if output.exists() and not (output / RELEASE).is_file():
        if output.is_dir() and not any(output.iterdir()):
            return
        raise BuildError(f"{output} is there and is no release folder: name another with --out")
