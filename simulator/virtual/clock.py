"""The clocks of this process, for as long as it is a virtual store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest import mock

from .loop import Loop

BEGAN_S = 1_800_000_000  # seconds since 1970 when a loop's time is 0


def wall(loop: Loop) -> Callable[[], float]:
    """Return what tells seconds since 1970 in this loop."""
    return lambda: BEGAN_S + loop.now


@contextmanager
def clock(loop: Loop) -> Iterator[None]:
    """Let the `time` module tell this loop's time to the whole process.

    Modules that imported its functions by name keep the true time: the product asks `time`.
    """
    read = wall(loop)
    with mock.patch.multiple(
        time,
        time=read,
        time_ns=lambda: int(read() * 1_000_000_000),
        monotonic=loop.time,
        monotonic_ns=lambda: int(loop.now * 1_000_000_000),
    ):
        yield
