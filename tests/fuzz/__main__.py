"""Fuzz targets with atheris, each in a process of its own, or try one input again.

build/fuzz/NAME/ keeps what was found: the corpus, and the input of each finding.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.target import check
from tests.fuzz.targets import TARGETS

BUILD = Path(__file__).parents[2] / "build" / "fuzz"
ALL = "all"
SECONDS = 30
SIZE_MOST = 4096  # bytes of an input: twice the longest message, and scripts of 200 steps
INPUT_S = 10  # for one input; what takes longer is a finding

_MISSING = "make fuzz needs atheris, which has no wheel for this Python (only for 3.11 to 3.13)"
_INPUTS = re.compile(r"^stat::number_of_executed_units: +(\d+)", re.MULTILINE)
_COVERED = re.compile(r"cov: (\d+)")
_FINDING = re.compile(r"Test unit written to (\S+)")
_BEGINNING = "=== Uncaught Python exception: ==="  # before it, nothing is said of the finding
_NOISE = re.compile(r"^(#\d+|INFO:|stat::|MS: |0x|artifact_prefix|Traceback|Base64)")
_WIDTH = 300  # of a line that is shown: inputs are long, and in a file


class Outcome(NamedTuple):
    """How one target fared: inputs tried, places in the code that they reached, what went wrong."""

    inputs: int
    places: int
    failure: str  # the worker's last words, "" where no rule was broken


def main() -> int:
    """0 where every rule holds, 1 where one is broken, 2 where nothing could be tried."""
    asked = _arguments()
    if asked.input is not None:
        return replay(asked.name, asked.input)
    if find_spec("atheris") is None:
        print(_MISSING, file=sys.stderr)
        return 2
    names = list(TARGETS) if asked.name == ALL else [asked.name]
    broken = []
    total = 0
    for number, name in enumerate(names, 1):
        outcome = fuzz(name, asked.seconds)
        total += outcome.inputs
        rate = outcome.inputs // asked.seconds
        print(
            f"[{number}/{len(names)}] {name:26} {outcome.inputs:>9,} inputs {rate:>7,}/s"
            f" {outcome.places:>5} places  {'BROKEN' if outcome.failure else 'holds'}",
            flush=True,
        )
        if outcome.failure:
            broken.append(name)
            print(outcome.failure, flush=True)
    print(f"{total:,} inputs in {len(names)} targets; broken: {', '.join(broken) or 'none'}")
    return 1 if broken else 0


def fuzz(name: str, seconds: int) -> Outcome:
    """Run one target's worker for so many seconds."""
    folder = BUILD / name
    corpus, seeds = folder / "corpus", folder / "seeds"
    for place in (corpus, seeds):
        place.mkdir(parents=True, exist_ok=True)
    for seed in [*TARGETS[name].seeds(), *TARGETS[name].near()]:
        (seeds / sha256(seed).hexdigest()[:16]).write_bytes(seed)
    flags = [
        f"-max_total_time={seconds}",
        f"-max_len={SIZE_MOST}",
        f"-timeout={INPUT_S}",
        f"-artifact_prefix={folder}/",
        "-print_final_stats=1",
    ]
    command = [sys.executable, "-m", "tests.fuzz.worker", name, *flags, str(corpus), str(seeds)]
    ended = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return _outcome(name, ended.returncode, ended.stdout)


def replay(name: str, path: Path) -> int:
    """Try one input, with the traceback of what it breaks."""
    taken = check(TARGETS[name], path.read_bytes())
    print(f"{name}: {'taken' if taken else 'refused'}, no rule is broken")
    return 0


def _outcome(name: str, code: int, output: str) -> Outcome:
    inputs, places = _INPUTS.findall(output), _COVERED.findall(output)
    failure = ""
    if code:
        words = output.rpartition(_BEGINNING)[2].splitlines()
        failure = "\n".join(line[:_WIDTH] for line in words if line and not _NOISE.match(line))
        found = _FINDING.search(output)
        if found:
            failure += f"\nreplay: python -m tests.fuzz {name} --input {found.group(1)}"
    return Outcome(int(inputs[-1]) if inputs else 0, int(places[-1]) if places else 0, failure)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("name", choices=[ALL, *TARGETS], metavar="NAME", help="a target, or all")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for each target")
    parser.add_argument("--input", type=Path, help="try this file alone, without atheris")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
