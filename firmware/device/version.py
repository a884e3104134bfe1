"""Name the firmware's version and hash every file that can run."""

from __future__ import annotations

import os
import sys
from hashlib import sha256
from typing import TYPE_CHECKING

from . import slots

if TYPE_CHECKING:
    from typing import Any

VERSION = "0.1.0"
HASH_SIZE = 8
FROZEN_HASH = b""  # as the build states it for firmware that is frozen into the image: no files
_SKIPPED = "__pycache__"  # CPython's, in a checkout: an import from it has a hashed source
_CHUNK = 2048
_KIND, _FOLDER = 0xF000, 0x4000  # in a file's mode


def interpreter() -> str:
    """Return the interpreter's version."""
    implementation: Any = sys.implementation
    release = [str(part) for part in implementation[1] if part != ""]
    return ".".join(release[:3]) + "".join("-" + part for part in release[3:])


def measure(root: str) -> bytes:
    """Return SHA-256 over path, size and content of every file under `root`, cut to 8 bytes.

    Count each folder by its path: an empty one can stand in for a module as well. Of a release read
    the manifest alone: it has the hash of every file, each proved when it was written, and reading
    all of them at each start would take half of its time.
    """
    if FROZEN_HASH:
        return FROZEN_HASH
    total, buffer = sha256(), bytearray(_CHUNK)
    if slots.WHOLE[1:] in os.listdir(root):
        _walk(total, root, "", None)
        _feed(total, root + slots.WHOLE, buffer)
    else:
        _walk(total, root, "", buffer)
    digest: bytes = total.digest()
    return digest[:HASH_SIZE]


def _walk(total: sha256, root: str, folder: str, buffer: bytearray | None) -> None:
    """Add what is in a folder; the content of files only with a buffer for it."""
    for name in sorted(os.listdir(root + folder)):
        if name == _SKIPPED:
            continue
        path = folder + "/" + name
        status = os.stat(root + path)
        mode, size = status[0], status[6]
        if mode & _KIND == _FOLDER:
            _add(total, path, "folder")
            _walk(total, root, path, buffer)
        else:
            _add(total, path, str(size))
            if buffer is not None:
                _feed(total, root + path, buffer)


def _add(total: sha256, path: str, what: str) -> None:
    """Hash lengths first, so that two trees never give the same bytes."""
    total.update(("%d %s %s\n" % (len(path), path, what)).encode())


def _feed(total: sha256, path: str, buffer: bytearray) -> None:
    view = memoryview(buffer)
    with open(path, "rb") as file:
        while count := file.readinto(buffer):
            total.update(view[:count])
