"""Releases in a folder beside the journal: fetched in pieces, and proved before they are used.

The bridge trusts no other's word: it repeats every check that authority and receiver make.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from receiver import reasons
from receiver.crypto import host
from receiver.crypto.job import finish
from receiver.encoding import cose_sign
from receiver.errors import Error
from receiver.protocol import firmware
from receiver.protocol.signed import AUTHORITY_KID_SIZE, ROLE_FIRMWARE

from .update_transfer import ProvedRelease

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from bridge.authority.update_messages import Offered
    from receiver.protocol.validation import Pins

SPARE_MOST = 4  # releases without a receiver now: two board classes, two releases each

_SIGNED, _PAYLOAD, _PART = ".manifest", ".payload", ".part"


class Source(Protocol):
    """Where releases come from; raises UnansweredError and RefusedError."""

    async def manifest(self, release_id: bytes, receiver_id: bytes) -> bytes: ...
    async def piece(self, release_id: bytes, receiver_id: bytes, start: int) -> bytes: ...


class ReleaseCache:
    """`pins` returns the authority's keys of today. Every call may raise OSError."""

    def __init__(self, folder: Path, source: Source, pins: Callable[[], Pins]) -> None:
        self._folder = folder
        self._source = source
        self._pins = pins

    async def get(self, offered: Offered, receiver_id: bytes) -> ProvedRelease:
        """Return a release, from the folder or from the authority; raises Error if it is false."""
        id_ = bytes(offered.release_id)
        signed = await self._signed(id_, receiver_id)
        try:
            manifest = self._proved(id_, signed)
            payload = await self._payload(id_, firmware.size(manifest), receiver_id)
            must_be_its_files(manifest, payload)
        except Error:
            self._forget(id_)  # perhaps it was damaged here: fetched anew the next time
            raise
        return ProvedRelease(id_, manifest, signed, payload)

    def tidy(self, wanted: Collection[bytes]) -> None:
        """Remove releases that are not wanted, but for the newest: a receiver may be away."""
        found: dict[str, float] = {}
        for path in self._folder.glob("*.*"):
            if path.suffix in (_SIGNED, _PAYLOAD, _PART):
                found[path.stem] = max(found.get(path.stem, 0.0), path.stat().st_mtime)
        spare = sorted(found.keys() - {id_.hex() for id_ in wanted}, key=lambda name: found[name])
        for name in spare[: max(len(spare) - SPARE_MOST, 0)]:
            self._forget(bytes.fromhex(name))

    def _proved(self, id_: bytes, signed: bytes) -> firmware.Manifest:
        """Return the manifest if its name and two firmware keys vouch for it; raises Error."""
        keys = {kid: key for kid, key in self._pins().items() if kid[0] == ROLE_FIRMWARE}
        manifest = finish(firmware.read_job(signed, keys, host))
        payload = cose_sign.parse(signed, AUTHORITY_KID_SIZE).payload
        if sha256(payload).digest() != id_:
            raise Error(reasons.WRONG_HASH, "another release than the one that was offered")
        return manifest

    async def _signed(self, id_: bytes, receiver_id: bytes) -> bytes:
        path = self._path(id_, _SIGNED)
        with suppress(FileNotFoundError):
            return path.read_bytes()
        data = await self._source.manifest(id_, receiver_id)
        _write(path, data)
        return data

    async def _payload(self, id_: bytes, size: int, receiver_id: bytes) -> bytes:
        """Return the files; a fetch that broke off goes on where it was."""
        path, part = self._path(id_, _PAYLOAD), self._path(id_, _PART)
        with suppress(FileNotFoundError):
            return path.read_bytes()
        self._folder.mkdir(parents=True, exist_ok=True)
        have = part.stat().st_size if part.exists() else 0
        while have < size:
            piece = await self._source.piece(id_, receiver_id, have)
            if not piece or have + len(piece) > size:
                raise Error(reasons.WRONG_HASH, f"not the {size} bytes that the manifest lists")
            _append(part, piece)
            have += len(piece)
        if not size:
            part.touch()
        part.replace(path)
        return path.read_bytes()

    def _forget(self, id_: bytes) -> None:
        for suffix in (_SIGNED, _PAYLOAD, _PART):
            self._path(id_, suffix).unlink(missing_ok=True)

    def _path(self, id_: bytes, suffix: str) -> Path:
        return self._folder / (id_.hex() + suffix)


def must_be_its_files(manifest: firmware.Manifest, payload: bytes) -> None:
    """Raise Error unless these are the files of the manifest, one after another."""
    if len(payload) != firmware.size(manifest):
        raise Error(reasons.WRONG_HASH, f"{len(payload)} bytes of files")
    at = 0
    for file in manifest.files:
        if sha256(payload[at : at + file.size]).digest() != file.hash:
            raise Error(reasons.WRONG_HASH, file.path)
        at += file.size


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(data)
    fresh.replace(path)


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
