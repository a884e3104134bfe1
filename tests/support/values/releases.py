"""Firmware releases as a build leaves them, and the three keys that sign them."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from bridge.authority.update_messages import Published
from firmware.tools.release.keys import FirmwareKey
from receiver.crypto import host
from receiver.protocol import firmware
from receiver.protocol.firmware import Manifest
from receiver.protocol.signed import ROLE_FIRMWARE
from simulator.authority.keys import FIRMWARE_KEYS
from tests.support.values import evidence

BOARD = "esp32c3-littlefs"
KEYS = [FirmwareKey(bytes((ROLE_FIRMWARE, n)), evidence.seed(f"firmware {n}")) for n in (1, 2, 3)]
PINS = {key.kid: key.public for key in KEYS}
FILES = {"boot.mpy": bytes(range(200)) * 20, "lib/typing.py": b"# typing\n", "empty": b""}


class Firmware(NamedTuple):
    """A release, and its files one after another."""

    manifest: Manifest
    payload: bytes

    @property
    def unsigned(self) -> bytes:
        return firmware.encode(self.manifest)

    @property
    def id(self) -> bytes:
        return sha256(self.unsigned).digest()

    def signed(self, *signers: FirmwareKey) -> bytes:
        """The manifest, by two of the three unless named."""
        by = signers or KEYS[:2]
        signatures = [firmware.sign(self.unsigned, key.kid, key.seed, host) for key in by]
        return firmware.join(self.unsigned, signatures)

    def published(self, share: int = 100, stop_at: int = 10, least: int = 4) -> Published:
        return Published(self.signed(), self.payload, share, stop_at, least)


def made(
    release: int = 2,
    *,
    board: str = BOARD,
    least: int = 0,
    files: dict[str, bytes] | None = None,
    version: str = "",
) -> Firmware:
    content = FILES if files is None else files
    listed = tuple(
        firmware.File(path, len(data), sha256(data).digest()) for path, data in content.items()
    )
    manifest = Manifest(release, least, board, version or f"0.{release}.0", bytes(20), listed)
    return Firmware(manifest, b"".join(content.values()))


def trust(authority_directory: Path) -> None:
    """Let an authority of this folder trust the keys, from its next start on."""
    authority_directory.mkdir(parents=True, exist_ok=True)
    keys = {kid.hex(): key.hex() for kid, key in PINS.items()}
    (authority_directory / FIRMWARE_KEYS).write_text(json.dumps(keys))


def build(
    directory: Path, release: int = 2, files: dict[str, bytes] | None = None, board: str = BOARD
) -> Firmware:
    """A folder as `tillsign firmware build` leaves it."""
    content = FILES if files is None else files
    found = made(release, files=content, board=board)
    for path, data in content.items():
        (directory / "slot" / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / "slot" / path).write_bytes(data)
    (directory / "manifest").write_bytes(found.unsigned)
    return found
