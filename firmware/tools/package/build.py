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
from firmware.tools.compile import ROOT
from receiver.host.name_map import SUFFIX
from receiver.protocol import firmware

from . import content, file_system, own_image, revision, targets

if TYPE_CHECKING:
    from .content import Content
    from .own_image import OwnImage
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
    address: int  # of its file system in the flash
    firmware_hash: str  # as HELLO states it: of the slot with its manifest, or of what is frozen
    weights: list[Weight]
    budgets: list[Budget]
    own_image: OwnImage | None

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
    """Without `release` it is the number of commits; without `version` the firmware's own.

    `image` is the folder of an image of our own, in which the firmware is.
    """

    release: int | None = None
    least_release: int = 0
    version: str = ""
    flash_mb: int | None = None
    locked: bool = False
    dirty: bool = False
    image: Path | None = None


def build(board: str, output: Path, options: Options | None = None, root: Path = ROOT) -> Built:
    """Write the release folder of a board; raise BuildError.

    `output` may be a release folder from before, which is replaced whole.
    """
    options = options or Options()
    if board not in targets.names(root):
        raise BuildError(f"no board {board!r}; there are {', '.join(targets.names(root))}")
    _check_output(output)
    if options.image and board == targets.UNIX:
        raise BuildError(f"no image of ours is for the board {board!r}")
    target = targets.of_image(root, board) if options.image else targets.target(root, board)
    output.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as folder:
        made = _write(Path(folder, "release"), target, options, root)
        if output.exists():
            shutil.rmtree(output)
        made.folder.rename(output)
    return made._replace(folder=output)


def _write(folder: Path, target: Target, options: Options, root: Path) -> Built:
    commit, release, version = _stated(options, root)
    image = _image_of(root, target, options)
    made = _content(root, folder / SLOT, target, image, options)
    rows = tuple(
        firmware.File(path, len(data), sha256(data).digest()) for path, data in made.files.items()
    )
    manifest = firmware.Manifest(
        release, options.least_release, target.board_class, version, commit, rows
    )
    try:
        payload = firmware.encode(manifest)
    except ValueError as error:
        raise BuildError(f"no board would take this release: {error}") from error
    measured = made.frozen_hash or _measured(folder / SLOT, payload)
    (folder / MANIFEST).write_bytes(payload)
    (folder / IMAGE).write_bytes(_file_system(target, made, payload, options))
    (folder / NAMES).write_text(made.names._replace(firmware_hash=measured).to_json())
    built = Built(
        folder,
        target,
        manifest,
        payload,
        made.flash_mb,
        made.address,
        measured,
        made.weights,
        made.budgets,
        image,
    )
    (folder / RELEASE).write_text(json.dumps(described(built), indent=2) + "\n")
    return built


def described(built: Built) -> dict[str, object]:
    """Return a release for programs; it names no path of this machine and no time."""
    manifest, image, own = built.manifest, built.image.read_bytes(), built.own_image
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
        "image": _placed(built.address, image),
        "micropython": own and _placed(own.address, own.whole),
        "budgets": {each.name: {"used": each.used, "most": each.most} for each in built.budgets},
    }


def _placed(address: int, data: bytes) -> dict[str, object]:
    return {"address": address, "size": len(data), "sha256": sha256(data).hexdigest()}


def _image_of(root: Path, target: Target, options: Options) -> OwnImage | None:
    if options.image is None:
        return None
    try:
        image = own_image.read(root, options.image, target.chip)
    except own_image.ImageError as error:
        raise BuildError(str(error)) from error
    if options.flash_mb not in (None, image.flash_mb):
        raise BuildError(f"an image of ours divides {image.flash_mb} MB of flash, and uses no more")
    return image


def _content(
    root: Path, slot: Path, target: Target, image: OwnImage | None, options: Options
) -> Content:
    if image is None:
        return content.compiled(root, slot, target, options.flash_mb or target.flash_mb)
    try:
        return content.of_image(root, slot, target, image)
    except own_image.ImageError as error:
        raise BuildError(str(error)) from error


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


def _file_system(target: Target, made: Content, payload: bytes, options: Options) -> bytes:
    """Return the file system of a new board; of an image it holds only that the image is whole."""
    words = [target.board, LOCKED] if options.locked else [target.board]
    slot = {} if made.frozen_hash else made.files
    files = {
        **made.beside,
        BOARD: " ".join(words).encode(),
        f"{FIRST_SLOT}/{MANIFEST}": payload,
        **{f"{FIRST_SLOT}/{path}": data for path, data in slot.items()},
    }
    try:
        return file_system.packed(files, made.blocks)
    except LittleFSError as error:
        text = f"the files do not fit into {made.blocks} blocks of flash: {error}"
        raise BuildError(text) from error


def _check_output(output: Path) -> None:
    """Refuse to replace a folder that this did not write."""
    if output.exists() and not (output / RELEASE).is_file():
        if output.is_dir() and not any(output.iterdir()):
            return
        raise BuildError(f"{output} is there and is no release folder: name another with --out")
