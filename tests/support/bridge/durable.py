"""What a power cut leaves of a journal's folder: names last once their folder was synced.

A name that was made, changed or taken away since then is as it was before; so is the content of an
archive, which SQLite does not sync (`bridge.journal.archive`). The rest is SQLite's own affair:
a database's pages, and the name of its WAL.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_BESIDE = ("-wal", "-shm", ".lock")  # go with their database, or are made anew


class Durable:
    """The folder `root` and the folders in it; what is there at first is on the disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sync = os.fsync
        self._held: dict[int, int] = {}  # inode: descriptor, so that no inode is used again
        self._contents: dict[int, bytes] = {}  # of archives, as they were synced
        self._names: dict[Path, dict[str, int]] = {}
        self._look(root)

    def sync(self, descriptor: int) -> None:
        """In the place of `os.fsync`."""
        self._sync(descriptor)
        found = os.fstat(descriptor)
        if not stat.S_ISDIR(found.st_mode):
            self._contents[found.st_ino] = os.pread(descriptor, found.st_size, 0)
            return
        for folder in (self._root, *self._folders()):
            if folder.stat().st_ino == found.st_ino:
                self._look(folder)

    def leave(self, to: Path) -> None:
        """Make the folder `to` as a power cut would leave this one now."""
        to.mkdir()
        for name, inode in self._names[self._root].items():
            folder = self._root / name
            if folder in self._names:
                self._leave_archives(folder, to / name)
            elif not name.endswith(_BESIDE):
                (to / name).write_bytes(self._read(inode))
                wal = folder.with_name(name + "-wal")
                if wal.exists():
                    (to / wal.name).write_bytes(wal.read_bytes())

    def close(self) -> None:
        """Let go of the files."""
        while self._held:
            os.close(self._held.popitem()[1])

    def _leave_archives(self, folder: Path, to: Path) -> None:
        to.mkdir()
        for name, inode in self._names[folder].items():
            (to / name).write_bytes(self._contents.get(inode, b""))

    def _folders(self) -> list[Path]:
        return [path for path in self._root.iterdir() if path.is_dir()]

    def _look(self, folder: Path) -> None:
        """These names last."""
        self._names[folder] = {}
        for path in folder.iterdir():
            inode = path.stat().st_ino
            self._names[folder][path.name] = inode
            if path.is_dir():
                self._names.setdefault(path, {})
            elif inode not in self._held:
                self._held[inode] = os.open(path, os.O_RDONLY)

    def _read(self, inode: int) -> bytes:
        descriptor = self._held[inode]
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)
