"""What a traced bridge counts, one part at a time."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Generator
from contextlib import nullcontext, suppress
from typing import Any

import pytest

from bridge.lines.reconnect import Reconnect
from bridge.lines.socket_port import SocketPort
from bridge.observability import timings
from receiver.crypto.job import finish
from receiver.encoding import cose
from receiver.errors import Error
from receiver.host.backoff import Backoff
from receiver.link import frames, wire
from simulator.tools.bench import traced
from simulator.tools.bench.traced import Counted


class Processor:
    """A processor whose time passes on demand."""

    def __init__(self) -> None:
        self.time = 0.0

    def work(self, seconds: float = 1.0) -> Any:
        self.time += seconds


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> traced.Clock:
    clock = traced.Clock()
    monkeypatch.setattr(traced, "CLOCK", clock)
    return clock


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Processor:
    processor = Processor()
    monkeypatch.setattr(traced, "process_time", lambda: processor.time)
    return processor


# Time.

STEPS = {
    timings.APPROVAL_RECEIVED: 1.0,
    timings.AUTHORISE_SENT: 3.0,
    timings.VERDICT_RECEIVED: 5.0,
    timings.AUTHORISE_ANSWERED: 6.0,
    timings.TOLD: 8.0,
}
ARRIVALS = (timings.APPROVAL_RECEIVED, timings.VERDICT_RECEIVED)


def test_the_clock_stands_still(clock: traced.Clock, processor: Processor) -> None:
    processor.work(2)
    with clock.standing():
        processor.work(3)
    processor.work(4)
    assert clock.now() == 6
    with suppress(ValueError), clock.standing():
        processor.work(5)
        int("five")
    assert clock.now() == 6


@pytest.mark.parametrize(
    ("standing", "share"),
    [
        ([], 4.0),
        ([(1.5, 2.0), (2.0, 2.5)], 3.0),  # before it waits
        ([(7.0, 7.25)], 3.75),  # after the later answer
        ([(4.0, 4.5), (5.0, 5.5)], 4.0),  # meanwhile: that is no part of the share
        ([(2.0, 4.0)], 3.0),
    ],
)
def test_the_share_is_on_this_clock(
    clock: traced.Clock,
    processor: Processor,
    standing: list[tuple[float, float]],
    share: float,
) -> None:
    told: list[float] = []
    marks = traced.Stamps(told.append)
    for time in [quarter / 4 for quarter in range(40)]:
        for step in [step for step, at in STEPS.items() if at == time]:
            assert told == []
            clock.arrived = clock.now() if step in ARRIVALS else -100.0
            marks.mark("sale", step, time + 100 if step in ARRIVALS else None)
        stands = any(start <= time < end for start, end in standing)
        with clock.standing() if stands else nullcontext():
            processor.work(0.25)
    assert told == [share]


@pytest.mark.parametrize("missing", [step for step in STEPS if step != timings.TOLD])
def test_a_sale_without_all_its_steps(missing: str) -> None:
    told: list[float] = []
    marks = traced.Stamps(told.append)
    for step in STEPS:
        if step != missing:
            marks.mark("sale", step)
    assert told == []


def test_the_bytes_of_a_line_are_noted(
    clock: traced.Clock, processor: Processor, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[bytes] = []
    port = object.__new__(traced.Port)
    monkeypatch.setattr(port, "_closing", False, raising=False)
    monkeypatch.setattr(port, "_received", received.append, raising=False)
    processor.work(4)
    port.data_received(b"bytes")
    assert received == [b"bytes"]
    assert clock.arrived == 4


def test_a_check_stops_the_clock(clock: traced.Clock, processor: Processor) -> None:
    def check(answer: bool) -> Generator[None, None, bool]:
        yield from ()
        processor.work()
        return answer

    assert finish(traced._checked(check)(True)) is True
    assert clock.now() == 0


# Commits.


def test_transactions_stop_the_clock_and_commits_are_counted(
    clock: traced.Clock, processor: Processor
) -> None:
    db = sqlite3.connect(":memory:", isolation_level=None, factory=traced.Connection)
    db.create_function("work", 0, lambda: processor.work() or 1)
    db.execute("CREATE TABLE t (a)")
    db.execute("SELECT work()").fetchone()
    assert clock.now() == 1
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO t SELECT work()")
    db.executemany("INSERT INTO t SELECT ? + work()", [(1,), (2,)])
    assert clock.commits == 0
    db.execute("COMMIT")
    assert clock.commits == 1
    assert clock.now() == 1
    assert processor.time == 4
    assert db.execute("SELECT sum(a) FROM t").fetchone() == (1 + 2 + 3,)
    db.close()


# Calls.


def part(channel: int = wire.APPROVAL, more: bool = False) -> bytes:
    return frames.encode(frames.Frame(frames.DATA, more, 1, 1, channel, b"part"))


APPROVED = b'HTTP/1.1 200 OK\r\n\r\n{"sale_id": "1", "state": "approved"}'
OPEN = APPROVED.replace(b"approved", b"open")


class _SelectorSocketTransport:
    """Stands for asyncio's, by its name."""

    def write(self, data: bytes) -> None:
        """To the till."""

    def writelines(self, list_of_data: list[bytes]) -> None:
        """To the till."""


def profiled(monkeypatch: pytest.MonkeyPatch, *steps: bytes | list[bytes]) -> list[Counted]:
    """What is counted while a line brings bytes, and the till is sent what begins as an answer."""
    told: list[Counted] = []
    port, transport = object.__new__(SocketPort), _SelectorSocketTransport()
    reconnect = Reconnect(Backoff(1, 2, lambda: 0.5))
    monkeypatch.setattr(port, "_closing", False, raising=False)
    monkeypatch.setattr(port, "_received", lambda _: reconnect.closed(0), raising=False)
    before = sys.getprofile()
    sys.setprofile(traced.Profiler(told.append))
    try:
        for step in steps:
            if isinstance(step, list):
                transport.writelines(step)
            elif step.startswith(b"HTTP"):
                transport.write(step)
            else:
                port.data_received(step)
    finally:
        sys.setprofile(before)
    return told


def test_from_the_approval_to_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = (part(wire.OFFER), OPEN, part(), OPEN, part(), APPROVED, part(wire.HEALTH), APPROVED)
    (count,) = profiled(monkeypatch, *steps)
    assert count.files == {"lines/reconnect.py", "lines/socket_port.py"}
    assert count.moves == 2  # each time that bytes come, through a function of no file of ours
    # Twice: bytes, the function, the attempt, its delay, its chance. Two answers, as this module's
    # transport.
    assert count.calls == 2 * 5 + 2


def test_an_approval_begins_with_its_first_part(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = part(more=True)
    (count,) = profiled(monkeypatch, whole[:5], whole[5:], part(), APPROVED)
    assert count.calls == 2 * 5 + 1  # what ends the first frame is where it begins


def test_an_answer_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(profiled(monkeypatch, part(), [APPROVED[:20], APPROVED[20:]])) == 1


def test_each_approval_is_counted_from_nought(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = profiled(monkeypatch, part(), APPROVED, part(), APPROVED)
    assert first == second


def test_other_bytes_are_no_approval(monkeypatch: pytest.MonkeyPatch) -> None:
    acknowledged = frames.encode(frames.Frame(frames.ACK, False, 1, 1, wire.APPROVAL, b""))
    steps = (part(wire.VERDICT), acknowledged, b"Traceback\n", part()[:-3], APPROVED)
    assert profiled(monkeypatch, *steps) == []


def test_parses() -> None:
    profiler = traced.Profiler(lambda _: None)
    parsed(profiler, b"\x80")
    profiler._count = count = Counted()
    for data in (b"\x80", b"\x81\x00", b"\x81\x00"):
        parsed(profiler, data)
    assert count.parses == 3


def parsed(profiler: traced.Profiler, data: bytes) -> None:
    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        with suppress(Error):
            cose.parse(data, cose.ALG_ED25519, 0)
    finally:
        sys.setprofile(before)
