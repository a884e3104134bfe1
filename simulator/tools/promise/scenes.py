"""The simulated store's scenes: to measure, or to look at one purchase again."""

from __future__ import annotations

from .jobs import SceneJob
from .record import Record
from .scene import run_scene


def by_scene(job: SceneJob) -> list[Record]:
    """Make the purchases of a scene."""
    return run_scene(job.air, job.profile, job.seed, job.purchases)


def replay(job: SceneJob, number: int) -> Record:
    """Make a scene again; return one purchase with its transcript. Raises LookupError."""
    for record in run_scene(*job[:4], transcript=True):
        if record.number == number:
            return record
    raise LookupError(f"the scene has purchases 0 to {job.purchases - 1}, and no {number}")
