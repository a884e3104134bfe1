"""The journal's files beside SQLite: a name is safe only once its folder is on disk."""

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
    """Make the folder if it is missing; only its owner has access."""
    if not path.is_dir():
        path.mkdir(mode=PRIVATE_FOLDER)
        sync(path.parent)


def copy(source: Path, target: Path, mode: int = PRIVATE) -> None:
    """Copy to a new file, on the disk at return; raises OSError."""
    with source.open("rb") as read, open(target, "xb", opener=_private) as written:
        shutil.copyfileobj(read, written, COPY_SIZE)
        written.flush()
        os.fsync(written.fileno())
    target.chmod(mode)


def write(path: Path, text: str) -> None:
    """Write a new file, on the disk at return; raises OSError."""
    with open(path, "x", encoding="utf-8", opener=_private) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def give(path: Path, like: Path) -> None:
    """Give a file made by root to the owner of `like`, as if that user had made it."""
    owner = like.stat()
    for file in (path, *path.rglob("*")):
        made = file.stat()
        if (made.st_uid, made.st_gid) != (owner.st_uid, owner.st_gid):
            os.chown(file, owner.st_uid, owner.st_gid)


def remove_tree(path: Path) -> None:
    """Remove a folder with its content; archives in it may be read only."""
    shutil.rmtree(path)
    sync(path.parent)


def install(partial: Path, final: Path) -> None:
    """Give a complete file its final name, and make it read-only."""
    sync(partial)
    partial.chmod(READ_ONLY)
    partial.rename(final)
    sync(final.parent)


def remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    sync(path.parent)


def identity(path: Path) -> tuple[int, int] | None:
    """Identify the file with this name; None for none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def free(path: Path) -> int:
    """Return the free bytes on the disk of `path`."""
    return shutil.disk_usage(path).free


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE)
