"""The three people who sign firmware in a simulated world: each with a private key file."""

from __future__ import annotations

from pathlib import Path

from firmware.tools.release import keys
from simulator.authority.keys import FIRMWARE_KEYS

HOLDERS = 3


def make(holders: Path, authority: Path) -> list[Path]:
    """Make the private files in `holders`, and tell an authority's folder the public keys.

    The authority trusts them from its next start on.
    """
    for folder in (holders, authority):
        folder.mkdir(parents=True, exist_ok=True)
    found = []
    for epoch in range(1, HOLDERS + 1):
        key = keys.new(epoch)
        path = holders / f"holder-{epoch}.key"
        keys.write(path, key)
        keys.add_public(authority / FIRMWARE_KEYS, key)
        found.append(path)
    return found
