"""The keys of who signs firmware: each in a private file of its own, on a machine of its own."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from receiver.crypto import host
from receiver.protocol.signed import ROLE_FIRMWARE

if TYPE_CHECKING:
    from pathlib import Path

SEED_SIZE = 32
EPOCH_MOST = 255  # the second byte of a kid
_PRIVATE = 0o600
_OTHERS = 0o077


class KeyFileError(Exception):
    """A key file cannot be used; the text says why and what to do."""


class FirmwareKey(NamedTuple):
    """One of the pinned keys; `kid` is its role and epoch."""

    kid: bytes
    seed: bytes

    @property
    def public(self) -> bytes:
        return host.ed25519_public(self.seed)


def new(epoch: int) -> FirmwareKey:
    """Make a key from this computer's randomness."""
    return FirmwareKey(bytes((ROLE_FIRMWARE, epoch)), os.urandom(SEED_SIZE))


def write(path: Path, key: FirmwareKey) -> None:
    """Write a private file for its owner alone; raises KeyFileError where a file is there."""
    text = json.dumps({"kid": key.kid.hex(), "seed": key.seed.hex()}) + "\n"
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    except FileExistsError:
        raise KeyFileError(f"{path} is there already, and a key is never replaced") from None
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be written: {error.strerror}") from error
    with os.fdopen(file, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(file)


def load(path: Path) -> FirmwareKey:
    """Read a private file; raises KeyFileError, also where others may read it."""
    try:
        if path.stat().st_mode & _OTHERS:
            raise KeyFileError(f"{path}: others may read this secret: chmod 600 {path}")
        stored = json.loads(path.read_text())
        key = FirmwareKey(bytes.fromhex(stored["kid"]), bytes.fromhex(stored["seed"]))
    except OSError as error:
        raise KeyFileError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise KeyFileError(f"{path}: is no key file of `tillsign update key`") from error
    if len(key.seed) != SEED_SIZE or len(key.kid) != 2 or key.kid[0] != ROLE_FIRMWARE:
        raise KeyFileError(f"{path}: is no key file of `tillsign update key`")
    return key


def add_public(path: Path, key: FirmwareKey) -> dict[str, str]:
    """Add a public key to the file for the authority, which may hold others; return all of them.

    Raises KeyFileError, also where the file has another key under this kid.
    """
    try:
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        if known.setdefault(key.kid.hex(), key.public.hex()) != key.public.hex():
            raise KeyFileError(
                f"{path}: has another key of epoch {key.kid[1]}: give this one another --epoch"
            )
        path.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from error
    except (ValueError, AttributeError) as error:
        raise KeyFileError(f"{path}: is no file of public keys") from error
    return known
