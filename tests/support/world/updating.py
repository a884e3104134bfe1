"""Releases for the receiver of a checkout, and the moments of an update at which power is cut."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from bridge.authority.update_messages import Published
from firmware.tools.package.build import Built
from firmware.tools.release import keys
from receiver.crypto import host
from receiver.protocol import firmware
from receiver.protocol.firmware import Manifest
from simulator.authority.updates import releases
from simulator.world.world import TILL
from tests.support.world.checkout import Checkout

LOOK_S = 0.02  # between two looks at an update: a chunk takes 0.2 s at 115,200 baud
UPDATE_S = 120.0  # longer than any update here, interrupted as it may be

Json = dict[str, Any]


def slot_of(built: Built, release: int, folder: Path) -> Path:
    """A slot with this release in it, as a board was flashed with."""
    shutil.copytree(built.slot, folder)
    (folder / firmware.WHOLE).write_bytes(firmware.encode(of(built, release)))
    return folder


def of(built: Built, release: int) -> Manifest:
    """The same files under another number."""
    return built.manifest._replace(release=release, version=f"0.{release}.0")


def payload(built: Built) -> bytes:
    return b"".join((built.slot / file.path).read_bytes() for file in built.manifest.files)


class Updating:
    """One checkout whose receiver is brought from one release to the next."""

    def __init__(self, till: Checkout, built: Built) -> None:
        self.till = till
        self.built = built

    def publish(self, release: int, *, signers: int = 2, files: bytes | None = None) -> bytes:
        """Put a release into the authority's books as they are: `check` is not asked."""
        manifest = firmware.encode(of(self.built, release))
        holders = [keys.load(path) for path in self.till.world.signers[:signers]]
        signatures = [firmware.sign(manifest, one.kid, one.seed, host) for one in holders]
        data = payload(self.built) if files is None else files
        published = Published(firmware.join(manifest, signatures), data, 100, 100, 1000)
        store = self.till.world.authority.office.store
        releases.publish(store, published, of(self.built, release), int(time.time()))
        return sha256(manifest).digest()

    def withdraw(self, release_id: bytes) -> None:
        """Take a release out of the books, so that its number is free."""
        store = self.till.world.authority.office.store
        store.run("DELETE FROM releases WHERE id = ?", release_id)

    async def order(self) -> int:
        """Order the update; the number of its attempt."""
        attempt: int = (await self.till.world.till.update(TILL))["attempt"]
        return attempt

    async def look(self) -> Json:
        [receiver] = await self.till.world.till.receivers()
        return receiver

    async def until(self, holds: Callable[[Json], bool]) -> Json:
        """The first look at the receiver in which this holds."""
        async with asyncio.timeout(UPDATE_S):
            while True:
                if holds(found := await self.look()):
                    return found
                await asyncio.sleep(LOOK_S)

    async def at(self, phase: str, offset: int = 0) -> Json:
        """The update in this phase, with so many bytes at the receiver."""

        def holds(receiver: Json) -> bool:
            update = receiver["update"]
            return bool(update and update["phase"] == phase and update["offset"] >= offset)

        return await self.until(holds)

    async def ended(self, attempt: int) -> Json:
        """The update once it has ended; `attempt` is what `order` said."""

        def holds(receiver: Json) -> bool:
            update = receiver["update"]
            return bool(update and update["attempt"] >= attempt and update["phase"] == "done")

        update: Json = (await self.until(holds))["update"]
        return update
