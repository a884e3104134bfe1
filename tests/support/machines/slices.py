"""The host's cryptography as slow as a chip's: every long operation takes several slices."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from receiver.crypto import host

if TYPE_CHECKING:
    from receiver.crypto.job import Job

SLICES = 3


class Sliced:
    """A back end. `begun`, `ended` and `closed` name its jobs in the order in which that happened;
    `steps` has one name for each slice."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.steps: list[str] = []
        self.ended: list[str] = []
        self.closed: list[str] = []

    def forget(self) -> None:
        """Only what comes now counts."""
        for trace in (self.begun, self.steps, self.ended, self.closed):
            trace.clear()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        work = getattr(host, name)
        return partial(self._slowly, name, work) if name.endswith("_job") else work

    def _slowly(self, name: str, work: Callable[..., Job[Any]], *arguments: Any) -> Job[Any]:
        self.begun.append(name)
        try:
            for _ in range(SLICES):
                self.steps.append(name)
                yield
        except GeneratorExit:
            self.closed.append(name)
            raise
        self.ended.append(name)
        return (yield from work(*arguments))
