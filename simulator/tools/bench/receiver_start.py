"""The receiver's start, in the MicroPython process."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from statistics import median
from timeit import repeat

from receiver.encoding.schema import encode
from receiver.link import link, wire
from simulator.hardware.interpreter import interpreter
from simulator.processes.child_process import ChildProcess
from simulator.world.receiver_command import Command
from simulator.world.world import World

from .rows import Figure

STARTS = 9
HELLO_S = 10.0


async def measure(world: World) -> dict[str, Figure]:
    """Measure boots; the world lends its radio and a store."""
    boots = [await _boot(world.command) for _ in range(STARTS)]
    bare = repeat(_bare_start, number=1, repeat=STARTS)
    return {"boot_to_hello": Figure(median(boots) * 1000, median(bare) * 1000)}


async def _boot(command: Command) -> float:
    """Return seconds from the start of the process to its HELLO."""
    own = wire.BridgeHello(wire.PROTOCOL, wire.PROTOCOL, bytes(8), 0)
    hello = encode(wire.BRIDGE_HELLO, own)
    end = link.Link(os.urandom(4), hello, host=True)
    start = time.monotonic()
    process = await ChildProcess.start(
        *command.argv, cwd=command.cwd, env=command.env, stdin=subprocess.PIPE
    )
    try:
        async with asyncio.timeout(HELLO_S):
            while not isinstance(end.poll(), link.Up):
                process.stdin.write(end.transmit(_now()))
                end.receive(await process.stdout.read(512), _now())
        return time.monotonic() - start
    finally:
        process.stdin.close()
        await process.wait()


def _bare_start() -> None:
    subprocess.run([interpreter(), "-c", "pass"], check=True)


def _now() -> int:
    return int(time.monotonic() * 1000)
