"""The scenes of a run: which are made, by which process, and what one leaves behind."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from . import record
from .record import Record

SCENE = 50  # purchases: a store's hour, long enough for a queue and for phones that come again
STEPS_KEPT = 40  # scenes of a cell whose steps are stored: 2,000 purchases are enough to add up


class SceneJob(NamedTuple):
    """One scene: purchases of one profile in one air."""

    air: str
    profile: str
    seed: int
    purchases: int
    steps: bool = True  # are stored


class MadeScene(NamedTuple):
    """A scene that was made: its records as lines, or the error that ended it."""

    job: SceneJob
    lines: bytes
    error: str = ""


Maker = Callable[[SceneJob], list[Record]]


def plan(
    airs: Sequence[str], profiles: Sequence[str], seed: int, purchases: int, scene: int = SCENE
) -> Iterator[SceneJob]:
    """Yield the scenes of a run: `purchases` of each profile in each air, rounded up to scenes.

    Every cell has the same seeds; a run that is broken off has about as many of each.
    """
    for index in range(-(-purchases // scene)):
        for air in airs:
            for profile in profiles:
                yield SceneJob(air, profile, seed + index, scene, index < STEPS_KEPT)


def make(job: SceneJob, maker: Maker) -> MadeScene:
    """Make a scene in this process; an error of the program is told with the scene."""
    try:
        records = maker(job)
    except Exception:
        return MadeScene(job, b"", traceback.format_exc())
    if not job.steps:
        for each in records:
            each.steps = []
    return MadeScene(job, b"".join(map(record.line, records)))
