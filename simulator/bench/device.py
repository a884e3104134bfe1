"""The receiver by itself: its start, its arithmetic, its memory, in the MicroPython process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

from receiver import link, wire
from receiver.crypto import host
from receiver.layout import encode
from simulator.world.enrolment import ROOT, interpreter

from .rows import Row, middle

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.world.enrolment import Command
    from simulator.world.world import World

STARTS = 9
REPEATS = 200
HELLO_S = 10.0
BOOT_BUDGET_MS = 1000

_ARITHMETIC = """
import json, time
from receiver.crypto import portable

def spent(function, *arguments):
    start = time.ticks_us()
    function(*arguments)
    return time.ticks_diff(time.ticks_us(), start) / 1000

seed, message = bytes(32), bytes(150)
public = portable.ed25519_public(seed)
signature = portable.ed25519_sign(seed, message)
verify = sorted(spent(portable.ed25519_verify, public, message, signature) for _ in range(15))
sign = sorted(spent(portable.ed25519_sign, seed, message) for _ in range(15))
print(json.dumps({"verify": verify[7], "sign": sign[7]}))
"""


async def rows(world: World) -> list[Row]:
    """Boot and arithmetic; the world lends its radio and a store."""
    boots = [await _boot(world.command) for _ in range(STARTS)]
    bare = [_bare_start() for _ in range(STARTS)]
    arithmetic, peer = _arithmetic(), _host_arithmetic()
    return [
        Row(
            "boot_to_hello", middle(boots, 1000), "ms", budget=BOOT_BUDGET_MS,
            bound=middle(bare, 1000), bound_is="an empty script in the same interpreter",
        ),
        Row(
            "ed25519_verify_micropython", arithmetic["verify"], "ms",
            bound=peer["verify"], bound_is="libsodium and OpenSSL, both, on this host",
        ),
        Row(
            "ed25519_sign_micropython", arithmetic["sign"], "ms",
            bound=peer["sign"], bound_is="libsodium on this host",
        ),
    ]  # fmt: skip


async def _boot(command: Command) -> float:
    """Seconds from the start of the process to its HELLO."""
    own = wire.BridgeHello(wire.PROTOCOL, wire.PROTOCOL, bytes(8), 0)
    hello = encode(wire.BRIDGE_HELLO, own)
    end = link.Link(os.urandom(4), hello, host=True)
    start = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command.argv,
        cwd=command.cwd,
        env=command.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("no pipes")
    try:
        async with asyncio.timeout(HELLO_S):
            while not isinstance(end.poll(), link.Up):
                process.stdin.write(end.transmit())
                end.receive(await process.stdout.read(512), int(time.monotonic() * 1000))
        return time.monotonic() - start
    finally:
        process.stdin.close()
        await process.wait()


def _bare_start() -> float:
    start = time.monotonic()
    subprocess.run([interpreter(), "-c", "pass"], check=True)
    return time.monotonic() - start


def _arithmetic() -> dict[str, float]:
    path = f"{ROOT}:{ROOT}/firmware/device/lib:.frozen"
    done = subprocess.run(
        [interpreter(), "-c", _ARITHMETIC],
        check=True,
        capture_output=True,
        env={**os.environ, "MICROPYPATH": path},
    )
    values: dict[str, float] = json.loads(done.stdout)
    return values


def _host_arithmetic() -> dict[str, float]:
    seed, message = bytes(32), bytes(150)
    public, signature = host.ed25519_public(seed), host.ed25519_sign(seed, message)

    return {
        "verify": _each(host.ed25519_verify, public, message, signature),
        "sign": _each(host.ed25519_sign, seed, message),
    }


def _each(function: Callable[..., object], *arguments: object) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    for _ in range(REPEATS):
        function(*arguments)
    return (time.perf_counter() - start) / REPEATS * 1000
