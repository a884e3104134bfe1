"""Long work by urgency: of all jobs, one slice of the most urgent at a time (design §3.4).

A job (`crypto.job`) that is overtaken waits as it stands and goes on later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from receiver.errors import Error

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from receiver.crypto.job import Job

    Done = Callable[[Any, "Error | None", int], None]

# How urgent a job is, the most urgent first; named after the step of `judge` that it is for.
VERIFY = 0  # the candidate's signature: the buyer waits, and bridge and authority have begun
HEAR = 1  # what still lies between an approval that is here and the slot
SIGN = 2  # the offer, and what must be known for it: the till waits
AGREE = 3
EXAMINE = 4
PREPARE = 5
SPARE = 6  # nobody waits for it yet
PART = 7  # a refusal for who came too late: nothing that is still to be sold waits for it


class Task:
    """A job in the queue. `done(result, error, now)` hears of its end; one of the two is None."""

    def __init__(self, queue: list[Task], rank: int, job: Job[Any], done: Done) -> None:
        self.rank = rank
        self.job = job
        self.done = done
        self._queue = queue
        self._enter()

    def hasten(self, rank: int) -> None:
        """Make it at least as urgent as `rank`, behind those that are already."""
        if rank < self.rank:
            self._move(rank)

    def defer(self, rank: int) -> None:
        """Make it no more urgent than `rank`, behind those that are as urgent."""
        if rank > self.rank:
            self._move(rank)

    def take(self) -> Job[Any]:
        """Leave the queue; the job as it stands."""
        self._queue.remove(self)
        return self.job

    def close(self) -> None:
        """End the job where it is; nobody hears of it. Harmless the second time."""
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
    """The queue. Each owner of a task has one at a time: so many are the most that it holds."""

    def __init__(self) -> None:
        self._queue: list[Task] = []

    def add(self, rank: int, job: Job[Any], done: Done) -> Task:
        return Task(self._queue, rank, job, done)

    def busy(self) -> bool:
        return bool(self._queue)

    def step(self, now: int) -> None:
        """One slice of the most urgent job, if there is any."""
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
        """End every job where it is."""
        while self._queue:
            self._queue[0].close()
