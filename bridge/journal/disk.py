"""What the journal does with files beside SQLite: names last only once their folder is on disk."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

READ_ONLY = 0o400
PRIVATE = 0o600
PRIVATE_FOLDER = 0o700
COPY_SIZE = 1 << 20  # bytes at a time


def sync(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def folder(path: Path) -> None:
    """Make the folder if it is missing; only its owner looks in."""
    if not path.is_dir():
        path.mkdir(mode=PRIVATE_FOLDER)
        sync(path.parent)


def copy(source: Path, target: Path, mode: int = PRIVATE) -> None:
    """A new file, on the disk when it is there; raises OSError."""
    with source.open("rb") as read, open(target, "xb", opener=_private) as written:
        shutil.copyfileobj(read, written, COPY_SIZE)
        written.flush()
        os.fsync(written.fileno())
    target.chmod(mode)


def write(path: Path, text: str) -> None:
    """A new file, on the disk when it is there; raises OSError."""
    with open(path, "x", encoding="utf-8", opener=_private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def give(path: Path, like: Path) -> None:
    """What root made here belongs to the owner of `like`, as if that user had made it."""
    owner = like.stat()
    for file in (path, *path.rglob("*")):
        made = file.stat()
        if (made.st_uid, made.st_gid) != (owner.st_uid, owner.st_gid):
            os.chown(file, owner.st_uid, owner.st_gid)


def remove_tree(path: Path) -> None:
    """A folder with all that is in it; archives in it may be read only."""
    shutil.rmtree(path)
    sync(path.parent)


def install(partial: Path, final: Path) -> None:
    """Give a file that is whole its name, and let nobody write to it again."""
    sync(partial)
    partial.chmod(READ_ONLY)
    partial.rename(final)
    sync(final.parent)


def remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    sync(path.parent)


def identity(path: Path) -> tuple[int, int] | None:
    """Which file has this name just now; None for none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def free(path: Path) -> int:
    """Bytes that are left on the disk of `path`."""
    return shutil.disk_usage(path).free


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE)
