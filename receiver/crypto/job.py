"""Run long work in slices: a generator that yields between them and returns the result at its end.

A chip serves radio and serial line in between; a caller without such duties uses `finish`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TypeVar

    T = TypeVar("T")
    Job = Generator[None, None, T]


def finish(job: Job[T]) -> T:
    """Run `job` to its end and return its result."""
    while True:
        try:
            next(job)
        except StopIteration as end:
            result: T = end.value
            return result
