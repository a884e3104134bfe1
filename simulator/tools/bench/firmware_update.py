"""An update of the real firmware over the simulated line, against the line's stop-and-wait bound.

The bound is the time of all bytes alone: each frame of a chunk and its acknowledgement, one after
the other, at the line's rate. What is above it is what either end lets the line wait.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bridge.authority.update_messages import Published
from firmware.tools.package import build
from firmware.tools.package.build import Built, Options
from firmware.tools.package.targets import UNIX
from firmware.tools.release import keys
from receiver.crypto import host
from receiver.link import frames, service_wire
from receiver.protocol import firmware
from simulator.authority.updates import releases
from simulator.world.receiver_command import BUILT
from simulator.world.world import TILL, Settings, World

from .rows import Figure

RATE = 115_200
BITS = 10  # of a byte on the line
LOOK_S = 0.02  # a chunk takes 0.2 s
WITHIN_S = 180.0


class Acknowledged(NamedTuple):
    """How many bytes the receiver had acknowledged at a time."""

    at: float
    offset: int


def measure() -> dict[str, Figure]:
    """Bring one release to a receiver at 115,200 baud."""
    with TemporaryDirectory() as folder:
        built = build.build(UNIX, Path(folder) / "built", Options(release=1, dirty=True))
        flashed = Path(folder) / "flashed"
        shutil.copytree(built.slot, flashed)
        (flashed / firmware.WHOLE).write_bytes(built.payload)
        os.environ[BUILT] = str(flashed)
        try:
            looks = asyncio.run(_update(built))
        finally:
            del os.environ[BUILT]
    first, last = looks[0], looks[-1]
    took, bound = last.at - first.at, bound_s(first.offset, last.offset)
    return {
        "update_transfer": Figure(took, bound),
        "update_of_bound": Figure(bound / took),
    }


def bound_s(start: int, end: int) -> float:
    """Return the seconds in which a line carries the chunks between two offsets, at best."""
    carried = 0
    while start < end:
        size = min(service_wire.CHUNK_MOST, end - start)
        carried += _on_the_line(start, os.urandom(size))
        start += size
    return carried * BITS / RATE


def _on_the_line(offset: int, data: bytes) -> int:
    """Return the bytes of a chunk's frames and of their acknowledgements."""
    message = service_wire.encode(service_wire.CHUNK, service_wire.Chunk(offset, data))
    step = frames.FRAME_MAX - frames.FRAME_OVERHEAD
    total = 0
    for at in range(0, len(message), step):
        part = message[at : at + step]
        more, channel = at + step < len(message), service_wire.CHUNK
        total += len(frames.encode(frames.Frame(frames.DATA, more, 1, 1, channel, part)))
        total += len(frames.encode(frames.Frame(frames.ACK, False, 1, 1, 0, b"")))
    return total


async def _update(built: Built) -> list[Acknowledged]:
    """Return what was seen of the transfer, from its first chunk to the last but one."""
    async with World(Settings(rate=RATE)) as world:
        await world.receiver_up()
        _publish(world, built)
        await world.till.update(TILL)
        looks: list[Acknowledged] = []
        async with asyncio.timeout(WITHIN_S):
            while not looks or looks[-1].offset < _but_one(built):
                [receiver] = await world.till.receivers()
                update = receiver["update"]
                if update and update["phase"] == "sending" and update["offset"]:
                    looks.append(Acknowledged(time.monotonic(), update["offset"]))
                await asyncio.sleep(LOOK_S)
        return looks


def _but_one(built: Built) -> int:
    """Return the offset of the last chunk: its acknowledgement waits for the verification."""
    return (firmware.size(built.manifest) - 1) // service_wire.CHUNK_MOST * service_wire.CHUNK_MOST


def _publish(world: World, built: Built) -> None:
    manifest = built.manifest._replace(release=2)
    payload = firmware.encode(manifest)
    holders = [keys.load(path) for path in world.signers[: firmware.SIGNATURES_LEAST]]
    signatures = [firmware.sign(payload, one.kid, one.seed, host) for one in holders]
    files = b"".join((built.slot / file.path).read_bytes() for file in manifest.files)
    published = Published(firmware.join(payload, signatures), files, 100, 100, 1)
    releases.publish(world.authority.office.store, published, manifest, int(time.time()))
