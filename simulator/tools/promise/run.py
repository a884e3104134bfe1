"""Make the scenes of a run in several processes."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import islice

from .jobs import MadeScene, Maker, SceneJob, make

SCENES_EACH = 50  # of a process before it is replaced: what it leaks stays small
GARBAGE = 50_000  # objects until a collection: a twentieth of the time went into them
AHEAD = 2  # scenes handed out for each process: it never waits for the next


def run(jobs: Sequence[SceneJob], maker: Maker, processes: int) -> Iterator[MadeScene]:
    """Yield every scene as it is made, in any order.

    Ctrl-C ends this where the caller is; scenes that are being made are lost, and no other begins.
    """
    if not jobs:
        return
    with _pool(min(processes, len(jobs))) as pool:
        waiting = iter(jobs)
        going = {pool.submit(make, job, maker) for job in islice(waiting, processes * AHEAD)}
        while going:
            done = next(as_completed(going))
            going.remove(done)
            going |= {pool.submit(make, job, maker) for job in islice(waiting, 1)}
            yield done.result()


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        max_tasks_per_child=SCENES_EACH,
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Leave Ctrl-C, which a terminal sends to all its processes, to the first one; log nothing.

    A scene's parts warn of every link that is lost.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.set_threshold(GARBAGE)
    logging.disable(logging.CRITICAL)
