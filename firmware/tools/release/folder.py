"""A release as `tillsign firmware build` leaves it: the files of a slot, and their manifest.

Nothing is taken from the manifest that the files do not prove: sizes and hashes are computed anew.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from receiver.errors import Error
from receiver.protocol import firmware

if TYPE_CHECKING:
    from pathlib import Path

SLOT, MANIFEST, SIGNED = "slot", "manifest", "manifest.signed"


class ReleaseError(Exception):
    """The folder is not a whole release; the text says what is wrong and what to do."""


class Release(NamedTuple):
    """The manifest's bytes, their meaning, and the slot's files one after another."""

    payload: bytes
    manifest: firmware.Manifest
    files: bytes

    @property
    def id(self) -> bytes:
        """Return the release's name at authority and bridge."""
        return sha256(self.payload).digest()


def read(build: Path) -> Release:
    """Read a release and prove its files; raises ReleaseError."""
    try:
        payload = (build / MANIFEST).read_bytes()
    except OSError as error:
        raise ReleaseError(
            f"{build}: holds no release ({error.strerror}): tillsign firmware build"
        ) from error
    try:
        manifest = firmware.decode(payload)
    except Error as error:
        raise ReleaseError(f"{build / MANIFEST}: {error.detail}: build it again") from error
    slot = build / SLOT
    listed = {file.path for file in manifest.files}
    found = {str(path.relative_to(slot)) for path in slot.rglob("*") if path.is_file()}
    if extra := sorted(found - listed - {MANIFEST}):
        raise ReleaseError(f"{slot}: {', '.join(extra)} is not in the manifest: build it again")
    return Release(payload, manifest, b"".join(_proved(slot, file) for file in manifest.files))


def _proved(slot: Path, file: firmware.File) -> bytes:
    """Return the file's content if it is what the manifest says."""
    path = slot / file.path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ReleaseError(f"{path}: {error.strerror}: build it again") from error
    if len(data) != file.size or sha256(data).digest() != file.hash:
        raise ReleaseError(f"{path} is not the file in the manifest: build it again")
    return data
