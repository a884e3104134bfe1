"""Run long work by urgency: one slice of the most urgent job at a time (design §3.4).

An overtaken job (`crypto.job`) keeps its state and continues later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.errors import Error

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from receiver.crypto.job import Job

    Done = Callable[[Any, "Error | None", int], None]

# Ranks, the most urgent first; each is named after a step of `exchange_pipeline`.
UNSEAL = 0  # an approval: two slices, before its link can be lost
VERIFY = 1  # the candidate's signature: the buyer waits, and bridge and authority already work
HEAR = 2  # what an approval still needs before it takes the slot
SIGN = 3  # the offer and what it needs: the till waits
AGREE = 4
EXAMINE = 5
PREPARE = 6
SPARE = 7  # needed later: no buyer or till waits for it
PART = 8  # the refusal of a late phone: no sale waits for it


class Task:
    """A queued job. `done(result, error, now)` runs at its end; result or error is None."""

    def __init__(self, queue: list[Task], rank: int, job: Job[object], done: Done) -> None:
        self.rank = rank
        self.job = job
        self.done = done
        self._queue = queue
        self._enter()

    def hasten(self, rank: int) -> None:
        """Make it at least as urgent as `rank`, behind jobs of that rank."""
        if rank < self.rank:
            self._move(rank)

    def defer(self, rank: int) -> None:
        """Make it no more urgent than `rank`, behind jobs of that rank."""
        if rank > self.rank:
            self._move(rank)

    def take(self) -> Job[Any]:
        """Leave the queue; return the job in its current state."""
        self._queue.remove(self)
        return self.job

    def close(self) -> None:
        """Cancel the job without calling `done`. Harmless the second time."""
        if self in self._queue:
            self.take().close()

    def _move(self, rank: int) -> None:
        self._queue.remove(self)
        self.rank = rank
        self._enter()

    def _enter(self) -> None:
        place = 0
        while place < len(self._queue) and self._queue[place].rank <= self.rank:
            place += 1
        self._queue.insert(place, self)


class Work:
    """The queue. It is bounded, as each owner of tasks has one at a time."""

    def __init__(self) -> None:
        self._queue: list[Task] = []

    def add(self, rank: int, job: Job[object], done: Done) -> Task:
        return Task(self._queue, rank, job, done)

    def busy(self) -> bool:
        return bool(self._queue)

    def unseals(self) -> bool:
        """Return whether an approval is being opened: the end of its link must not overtake it."""
        return bool(self._queue) and self._queue[0].rank == UNSEAL

    def step(self, now: int) -> None:
        """Run one slice of the most urgent job, if there is any."""
        if not self._queue:
            return
        task = self._queue[0]
        result, failure = None, None
        try:
            next(task.job)
            return
        except StopIteration as end:
            result = end.value
        except Error as error:
            failure = error
        task.take()
        task.done(result, failure, now)

    def clear(self) -> None:
        """Cancel every job."""
        while self._queue:
            self._queue[0].close()
