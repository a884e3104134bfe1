"""The arithmetic timed on this host: inside MicroPython, and in the host's own libraries."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from statistics import median
from timeit import repeat
from typing import TYPE_CHECKING

from receiver.crypto import host
from receiver.crypto.job import finish
from simulator.hardware.interpreter import interpreter
from simulator.tools.chip.operations import signed_by_phone
from simulator.world.receiver_command import ROOT

from .cases import cases
from .rows import ROWS, Figure

if TYPE_CHECKING:
    from .cases import Case

SAMPLES = 51
PATH = f"{ROOT}:{ROOT}/firmware/device/lib:.frozen"  # where MicroPython finds the tree
_SUFFIX = "_micropython"
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


def measure() -> dict[str, Figure]:
    """Time each operation, in milliseconds."""
    names = [name.removesuffix(_SUFFIX) for name in ROWS if name.endswith(_SUFFIX)]
    inside, beside = in_micropython(names), on_host(names)
    return {name + _SUFFIX: Figure(inside[name], beside[name]) for name in names}


def in_micropython(names: Iterable[str]) -> dict[str, float]:
    """Time each of these `cases`, in milliseconds, with the device's back end."""
    phone = [data.hex() for data in signed_by_phone()]
    given = {"phone": phone, "samples": SAMPLES, "names": list(names)}
    times: dict[str, list[float]] = json.loads(run(_SCRIPT, json.dumps(given)))
    return {name: median(samples) for name, samples in times.items()}


def on_host(names: Iterable[str]) -> dict[str, float]:
    """Time the same with the host's back end."""
    jobs = cases(host, *signed_by_phone())
    return {name: _middle(jobs[name]) for name in names}


def _middle(case: Case) -> float:
    return median(repeat(lambda: finish(case()), number=1, repeat=SAMPLES)) * 1000


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
