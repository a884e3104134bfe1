"""What `python -m simulator.tools.promise` does: make what is missing of a run, and judge it."""

from __future__ import annotations

import time
from itertools import product
from pathlib import Path
from typing import NamedTuple

from . import replay
from .jobs import Maker, SceneJob, plan
from .progress import RunProgress
from .record import Record
from .report import PromiseReport, cell
from .run import run
from .store import RecordStore, RunHead, fingerprint


class Wanted(NamedTuple):
    """A run: so many purchases of each profile in each air, from this seed on."""

    airs: tuple[str, ...]
    profiles: tuple[str, ...]
    purchases: int
    seed: int
    scene: int
    processes: int


def measure(wanted: Wanted, maker: Maker, folder: Path, *, fresh: bool = False) -> PromiseReport:
    """Make the scenes that are not stored in `folder`, and report the whole run."""
    began = time.monotonic()
    store = RecordStore(folder, RunHead(fingerprint(), wanted.scene))
    store.open(fresh=fresh)
    cells = list(product(wanted.airs, wanted.profiles))
    jobs = list(plan(wanted.airs, wanted.profiles, wanted.seed, wanted.purchases, wanted.scene))
    done = {each: store.done(*each) for each in cells}
    missing = [job for job in jobs if job.seed not in done[job.air, job.profile]]
    broken = _make(store, missing, len(jobs), wanted.processes, maker)
    seeds = {job.seed for job in jobs}
    return PromiseReport(
        seed=wanted.seed,
        scene=wanted.scene,
        seconds=round(time.monotonic() - began, 1),
        processes=wanted.processes,
        stored=len(jobs) - len(missing),
        cells=[cell(*each, _records(store, *each, seeds)) for each in cells],
        broken=broken,
    )


def _make(
    store: RecordStore, missing: list[SceneJob], scenes: int, processes: int, maker: Maker
) -> list[str]:
    """Make and store these scenes; return the commands for those that the program broke."""
    progress = RunProgress(scenes, scenes - len(missing))
    broken = []
    with progress.running():
        for made in run(missing, maker, processes):
            progress.made(made)
            job = made.job
            if made.error:
                again = replay.command(job.air, job.profile, job.seed, 0, scene=job.purchases)
                broken.append(again)
            else:
                store.add(made)
    return broken


def _records(store: RecordStore, air: str, profile: str, seeds: set[int]) -> list[Record]:
    """Return what is stored of this run; a longer one may have stored more."""
    return [record for record in store.records(air, profile) if record.seed in seeds]
