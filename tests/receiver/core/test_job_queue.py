"""The queue of long work, and the pool that it fills."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from receiver import reasons
from receiver.core import job_queue, key_pool
from receiver.core.job_queue import Task, Work
from receiver.core.key_pool import Pool
from receiver.crypto import host
from receiver.errors import Error
from tests.support.machines.slices import SLICES, Sliced
from tests.support.values import evidence

if TYPE_CHECKING:
    from receiver.crypto.job import Job

NOW = 1_000


class Bench:
    """A queue with jobs that write down what happens."""

    def __init__(self) -> None:
        self.work = Work()
        self.trace: list[str] = []
        self.heard: list[tuple[Any, int | None, int]] = []

    def add(self, name: str, rank: int, slices: int = 2, fails: bool = False) -> Task:
        return self.work.add(rank, self.job(name, slices, fails), self.done)

    def job(self, name: str, slices: int, fails: bool) -> Job[str]:
        try:
            for _ in range(slices):
                self.trace.append(name)
                yield
        except GeneratorExit:
            self.trace.append("closed " + name)
            raise
        if fails:
            raise Error(reasons.BAD_SEAL, name)
        return name

    def done(self, result: Any, error: Error | None, now: int) -> None:
        self.heard.append((result, error.code if error else None, now))

    def step(self, count: int = 1) -> list[str]:
        """What these slices computed."""
        before = len(self.trace)
        for _ in range(count):
            self.work.step(NOW)
        return self.trace[before:]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_one_slice_at_a_time_and_the_end_is_heard(bench: Bench) -> None:
    bench.add("a", job_queue.AGREE)
    assert bench.step() == ["a"]
    assert bench.step() == ["a"]
    assert bench.heard == []
    assert bench.work.busy()
    assert bench.step() == []
    assert bench.heard == [("a", None, NOW)]
    assert not bench.work.busy()
    bench.work.step(NOW)


def test_the_most_urgent_goes_first_and_the_other_goes_on_where_it_was(bench: Bench) -> None:
    bench.add("slow", job_queue.PREPARE)
    assert bench.step() == ["slow"]
    bench.add("urgent", job_queue.VERIFY)
    assert bench.step(3) == ["urgent", "urgent"]
    assert bench.heard == [("urgent", None, NOW)]
    assert bench.step(2) == ["slow"]
    assert [result for result, *_ in bench.heard] == ["urgent", "slow"]


def test_among_equals_the_first_is_finished_first(bench: Bench) -> None:
    for name in "abc":
        bench.add(name, job_queue.EXAMINE)
    assert bench.step(9) == ["a", "a", "b", "b", "c", "c"]


def test_hastened_behind_those_that_are_as_urgent(bench: Bench) -> None:
    last = bench.add("last", job_queue.SPARE)
    bench.add("first", job_queue.HEAR)
    bench.add("between", job_queue.AGREE)
    last.hasten(job_queue.HEAR)
    last.hasten(job_queue.PREPARE)  # never less urgent than it is
    assert bench.step(9) == ["first", "first", "last", "last", "between", "between"]


def test_deferred_behind_those_that_are_as_little_urgent(bench: Bench) -> None:
    late = bench.add("late", job_queue.AGREE)
    assert bench.step() == ["late"]
    bench.add("other", job_queue.PART)
    bench.add("spare", job_queue.SPARE)
    late.defer(job_queue.PART)
    late.defer(job_queue.VERIFY)  # never more urgent than it is
    assert bench.step(9) == ["spare", "spare", "other", "other", "late"]


def test_a_failure_is_heard_as_such(bench: Bench) -> None:
    bench.add("a", job_queue.AGREE, slices=0, fails=True)
    bench.step()
    assert bench.heard == [(None, reasons.BAD_SEAL, NOW)]
    assert not bench.work.busy()


def test_a_closed_job_ends_where_it_is_and_tells_nothing(bench: Bench) -> None:
    task = bench.add("a", job_queue.AGREE)
    bench.step()
    task.close()
    task.close()
    assert bench.trace == ["a", "closed a"]
    assert bench.heard == []
    assert not bench.work.busy()


def test_a_job_that_is_taken_goes_on_inside_another(bench: Bench) -> None:
    task = bench.add("inner", job_queue.PREPARE, slices=3)
    bench.step()
    inner = task.take()

    def outer() -> Job[str]:
        result: str = yield from inner
        return "outer of " + result

    bench.work.add(job_queue.VERIFY, outer(), bench.done)
    assert bench.step(9) == ["inner", "inner"]
    assert bench.heard == [("outer of inner", None, NOW)]


def test_clearing_ends_everything(bench: Bench) -> None:
    bench.add("a", job_queue.AGREE)
    bench.step()
    bench.add("b", job_queue.SPARE)
    bench.work.clear()
    assert bench.trace == ["a", "closed a"]
    assert not bench.work.busy()


# The pool.


@pytest.fixture
def filled() -> Pool:
    numbers = iter(range(100))
    filled = Pool(host, lambda size: evidence.seed(f"{next(numbers)}")[:size])
    while not filled.is_full():
        queue = Work()
        queue.add(job_queue.SPARE, filled.fill_job(), lambda *_: None)
        queue.step(NOW)
    return filled


def test_pairs_are_pairs_and_each_is_given_once(filled: Pool) -> None:
    pairs = [filled.take() for _ in range(key_pool.SIZE)]
    assert filled.take() is None
    assert not filled.is_full()
    publics = {host.x25519_public(bytes(pair.private)) for pair in pairs if pair}
    assert publics == {pair.public for pair in pairs if pair}
    assert len(publics) == key_pool.SIZE


def test_what_is_not_used_is_erased(filled: Pool) -> None:
    secrets = [pair.private for pair in filled._pairs]
    filled.erase()
    assert filled.take() is None
    assert secrets == [bytearray(key_pool.KEY_SIZE)] * key_pool.SIZE


@pytest.mark.parametrize("slices", range(SLICES + 1))
def test_a_key_that_is_not_finished_is_erased(slices: int) -> None:
    made: list[Any] = []

    class Keeping(Sliced):
        def x25519_public_job(self, private: Any) -> Job[bytes]:
            made.append(private)
            return self._slowly("x25519_public_job", host.x25519_public_job, private)

    filling = Pool(Keeping(), lambda size: bytes([7]) * size)
    job = filling.fill_job()
    for _ in range(slices):
        next(job)
    job.close()
    assert made == ([bytearray(key_pool.KEY_SIZE)] if slices else [])
    assert filling.take() is None
