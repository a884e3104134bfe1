"""The arithmetic timed on this host: inside MicroPython, and in the host's own libraries."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

from receiver.crypto import host
from receiver.crypto.job import finish
from simulator.world.receiver_command import ROOT, interpreter

from .arithmetic import signed_by_phone
from .cases import cases
from .rows import Row, middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .cases import Case

SAMPLES = 51
PATH = f"{ROOT}:{ROOT}/firmware/device/lib:.frozen"  # where MicroPython finds the tree
_LIBRARIES = {
    "ed25519_check": "libsodium and OpenSSL, both",
    "ed25519_verify": "libsodium and OpenSSL, both",
    "ed25519_sign": "libsodium",
    "x25519": "OpenSSL",
    "p256_check": "OpenSSL",
    "p256_verify": "OpenSSL",
    "sha512_block": "OpenSSL",
    "chacha_seal_200": "OpenSSL",
}
_SCRIPT = """
import json, sys, time
from receiver.crypto import portable
from receiver.crypto.job import finish
from simulator.tools.bench.cases import cases

def spent(case):
    start = time.ticks_us()
    result = finish(case())
    end = time.ticks_us()
    assert result
    return time.ticks_diff(end, start) / 1000

given = json.loads(sys.stdin.readline())
jobs = cases(portable, *[bytes.fromhex(text) for text in given["phone"]])
times = {name: [spent(jobs[name]) for _ in range(given["samples"])] for name in given["names"]}
print(json.dumps(times))
"""


def rows() -> list[Row]:
    """Measure each operation in milliseconds."""
    inside, beside = in_micropython(list(_LIBRARIES)), _on_host()
    return [
        Row(
            f"{name}_micropython", inside[name], "ms",
            bound=beside[name], bound_is=f"{library}, on this host",
        )
        for name, library in _LIBRARIES.items()
    ]  # fmt: skip


def in_micropython(names: Sequence[str]) -> dict[str, float]:
    """Time each of these `cases`, in milliseconds, with the device's back end."""
    phone = [data.hex() for data in signed_by_phone()]
    given = {"phone": phone, "samples": SAMPLES, "names": names}
    times: dict[str, list[float]] = json.loads(run(_SCRIPT, json.dumps(given)))
    return {name: middle(samples) for name, samples in times.items()}


def run(script: str, given: str) -> str:
    """Run a script in MicroPython with this input; return its output."""
    done = subprocess.run(
        [interpreter(), "-c", script],
        check=True,
        input=given,
        capture_output=True,
        text=True,
        env={**os.environ, "MICROPYPATH": PATH},
    )
    return done.stdout


def _on_host() -> dict[str, float]:
    """Time the same with the host's back end."""
    jobs = cases(host, *signed_by_phone())
    return {name: middle([_spent(jobs[name]) for _ in range(SAMPLES)]) for name in _LIBRARIES}


def _spent(case: Case) -> float:
    start = time.perf_counter()
    finish(case())
    return (time.perf_counter() - start) * 1000
