"""Signatures of a release: one file from each signer, joined as soon as there are enough.

A signature file may travel alone: to sign, a key holder needs the release's folder and gives back
this one small file.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from receiver.crypto import host
from receiver.encoding.cose_sign import Signature
from receiver.protocol import firmware

from .folder import SIGNED, ReleaseError

if TYPE_CHECKING:
    from pathlib import Path

    from .folder import Release
    from .keys import FirmwareKey

_SUFFIX = ".sig"


def sign(build: Path, release: Release, key: FirmwareKey) -> Path:
    """Write this signer's file; return its path."""
    signature = firmware.sign(release.payload, key.kid, key.seed, host)
    path = build / f"manifest.{key.kid.hex()}{_SUFFIX}"
    stored = {
        "release_id": release.id.hex(),
        "kid": key.kid.hex(),
        "public": key.public.hex(),
        "signature": signature.signature.hex(),
    }
    path.write_text(json.dumps(stored, indent=2) + "\n")
    return path


def found(build: Path, release: Release) -> list[Signature]:
    """Return the signatures of this very release, in order of their kid; raises ReleaseError."""
    every = (_read(path, release) for path in sorted(build.glob(f"manifest.*{_SUFFIX}")))
    return [signature for signature in every if signature is not None]


def join(build: Path, release: Release) -> bytes | None:
    """Write the signed manifest and return it, or None while signatures are missing."""
    signatures = found(build, release)
    path = build / SIGNED
    if len(signatures) < firmware.SIGNATURES_LEAST:
        path.unlink(missing_ok=True)  # of another build
        return None
    data = firmware.join(release.payload, signatures)
    if len(data) > firmware.MANIFEST_MOST:
        raise ReleaseError(f"{path}: {len(data)} bytes are more than a board takes")
    path.write_bytes(data)
    return data


def _read(path: Path, release: Release) -> Signature | None:
    """Return a file's signature; None for one of another release."""
    try:
        stored = json.loads(path.read_text())
        if stored["release_id"] != release.id.hex():
            return None
        return Signature(bytes.fromhex(stored["kid"]), bytes.fromhex(stored["signature"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"{path}: is no signature file: remove it and sign again") from error
