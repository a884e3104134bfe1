"""What a traced bridge counts, one part at a time."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import pytest

from bridge.lines.reconnect import Reconnect
from bridge.lines.socket_port import SocketPort
from bridge.observability import timings
from receiver.encoding import cose
from receiver.errors import Error
from receiver.host.backoff import Backoff
from receiver.link import frames, wire
from simulator.tools.bench import traced
from simulator.tools.bench.traced import CHECK, COMMIT, Counted, Timed, Work


@pytest.fixture(autouse=True)
def notes() -> Iterator[traced.Notes]:
    traced.NOTES.clear()
    yield traced.NOTES
    traced.NOTES.clear()


# Time.


@pytest.mark.parametrize(
    ("works", "seconds"),
    [
        ([], 0),
        ([Work(COMMIT, 2, 3)], 1),
        ([Work(COMMIT, 0, 9)], 4),  # in both spans, and between them
        ([Work(COMMIT, 0, 2)], 1),
        ([Work(COMMIT, 4, 5)], 0),  # between them
        ([Work(COMMIT, 3, 7)], 1),
        ([Work(CHECK, 2, 3)], 0),
        ([Work(COMMIT, 1, 2), Work(CHECK, 2, 3), Work(COMMIT, 6, 6.5)], 1.5),
    ],
)
def test_work_within_spans(notes: traced.Notes, works: list[Work], seconds: float) -> None:
    notes.works = works
    assert notes.within(COMMIT, [(1, 3), (6, 8)]) == seconds


STEPS = {
    timings.APPROVAL_RECEIVED: 1.0,
    timings.AUTHORISE_SENT: 3.0,
    timings.VERDICT_RECEIVED: 5.0,
    timings.AUTHORISE_ANSWERED: 6.0,
    timings.TOLD: 8.0,
}


def test_what_is_done_while_it_waits_is_not_subtracted(notes: traced.Notes) -> None:
    notes.works = [
        *(Work(COMMIT, 1.5, 2), Work(COMMIT, 4, 4.5), Work(COMMIT, 7, 7.25)),
        *(Work(CHECK, 2, 2.5), Work(CHECK, 5, 5.5)),
    ]
    assert traced.timed(STEPS) == Timed(own=4, commits=0.75, checks=0.5)


@pytest.mark.parametrize("missing", STEPS)
def test_a_sale_without_all_its_steps(missing: str) -> None:
    assert traced.timed({step: at for step, at in STEPS.items() if step != missing}) is None


def test_the_last_step_tells(notes: traced.Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Timed] = []
    marks = traced.Stamps(told.append)
    notes.works = [Work(COMMIT, 1, 2)]
    for step, at in STEPS.items():
        assert told == []
        if step in (timings.APPROVAL_RECEIVED, timings.VERDICT_RECEIVED):
            notes.arrived = at
            marks.mark("sale", step, at + 100)  # on the monotonic clock
        else:
            monkeypatch.setattr(traced, "process_time", partial(float, at))
            marks.mark("sale", step)
    assert told == [Timed(own=4, commits=1, checks=0)]
    assert notes.works == []
    assert marks.of("sale") == STEPS


def test_the_bytes_of_a_line_are_noted(
    notes: traced.Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[bytes] = []
    port = object.__new__(traced.Port)
    monkeypatch.setattr(port, "_closing", False, raising=False)
    monkeypatch.setattr(port, "_received", received.append, raising=False)
    monkeypatch.setattr(traced, "process_time", lambda: 4.0)
    port.data_received(b"bytes")
    assert received == [b"bytes"]
    assert notes.arrived == 4


# Commits.


def test_transactions_are_noted_and_commits_counted(notes: traced.Notes) -> None:
    db = sqlite3.connect(":memory:", isolation_level=None, factory=traced.Connection)
    db.execute("CREATE TABLE t (a)")
    assert notes.works == []
    db.execute("BEGIN IMMEDIATE")
    db.executemany("INSERT INTO t VALUES (?)", [(1,), (2,)])
    assert notes.commits == 0
    db.execute("COMMIT")
    assert notes.commits == 1
    assert [work.what for work in notes.works] == [COMMIT] * 3
    assert db.execute("SELECT sum(a) FROM t").fetchone() == (3,)
    assert len(notes.works) == 3
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
    assert [file.rpartition("/")[2] for file in count.files] == ["reconnect.py", "socket_port.py"]
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
    told: list[Counted] = []
    profiler = traced.Profiler(told.append)
    parsed(profiler, b"\x80")
    profiler._open = True
    profiler._begin()
    for data in (b"\x80", b"\x81\x00", b"\x81\x00"):
        parsed(profiler, data)
    profiler._end()
    (count,) = told
    assert count.parses == 3


def parsed(profiler: traced.Profiler, data: bytes) -> None:
    before = sys.getprofile()
    sys.setprofile(profiler)
    try:
        with suppress(Error):
            cose.parse(data, cose.ALG_ED25519, 0)
    finally:
        sys.setprofile(before)
