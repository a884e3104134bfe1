"""The model of the serial line, by a simulated clock in nanoseconds."""

from __future__ import annotations

import pytest

from simulator.hardware.serial_line.model import BACKLOG, GRAIN, MS, Line, Pace

RATE = 115_200
BYTE = 10_000_000_000 // RATE  # ns


def make(rate: int = 0, ring: int = 260, hold_ms: int = 200) -> Line:
    return Line(rate, ring, hold_ms)


@pytest.fixture
def pace() -> Pace:
    return Pace(RATE)


@pytest.fixture
def line() -> Line:
    """As fast as it is asked."""
    return make()


def test_bytes_take_their_time(pace: Pace) -> None:
    pace.push(b"abc", 1000)
    assert pace.pull(1000 + BYTE - 1) == b""
    assert pace.pull(1000 + BYTE) == b"a"
    assert pace.pull(1000 + 3 * BYTE) == b"bc"


def test_a_frame_takes_as_long_in_groups_as_at_once() -> None:
    pace, now, came = Pace(RATE), 0, b""
    pace.push(bytes(192), now)
    turns = 0
    while (due := pace.deadline()) is not None:
        now = due
        came += pace.pull(now)
        turns += 1
    assert len(came) == 192
    assert now == 192 * BYTE
    assert turns == 192 // (GRAIN // BYTE) + 1


def test_bytes_behind_others_wait_for_them(pace: Pace) -> None:
    pace.push(b"ab", 0)
    pace.push(b"c", BYTE)
    assert pace.pull(3 * BYTE - 1) == b"ab"
    assert pace.pull(3 * BYTE) == b"c"


def test_an_idle_line_lends_no_time(pace: Pace) -> None:
    pace.push(b"a", 0)
    pace.pull(BYTE)
    pace.push(b"b", 100 * BYTE)
    assert pace.pull(101 * BYTE - 1) == b""
    assert pace.pull(101 * BYTE) == b"b"


def test_no_rate_is_no_wait() -> None:
    pace = Pace(0)
    pace.push(bytes(1000), 5)
    assert pace.deadline() == 5
    assert len(pace.pull(5)) == 1000


def test_the_ring_drops_what_does_not_fit(line: Line) -> None:
    line.from_host(bytes(range(200)), 0)
    assert line.to_device(0, 100) == bytes(range(160))
    line.from_host(b"more", 0)
    assert line.to_device(0, 260) == b""
    assert line.counters["ring_overflow"] == 44
    assert line.counters["to_device"] == 160


def test_a_host_with_room_takes_all(line: Line) -> None:
    line.from_device(b"hello", 0)
    assert line.to_host(0, 100) == b"hello"
    assert line.deadline() is None


def test_output_that_is_not_read_for_a_while_is_lost(line: Line) -> None:
    line.from_device(b"lost", 0)
    assert line.to_host(0, 0) == b""
    assert line.to_host(199 * MS, 0) == b""
    assert line.counters["unread"] == 0
    assert line.to_host(200 * MS, 0) == b""
    assert line.counters["unread"] == 4
    assert line.deadline() is None


def test_a_slow_host_loses_nothing(line: Line) -> None:
    line.from_device(b"abcdef", 0)
    assert line.to_host(0, 0) == b""
    assert line.to_host(150 * MS, 2) == b"ab"
    assert line.to_host(300 * MS, 2) == b"cd"
    assert line.to_host(450 * MS, 9) == b"ef"
    assert line.counters["unread"] == 0


def test_held_output_is_looked_after() -> None:
    """Somebody has to ask again whether the host has read, and once when it is too late."""
    line, now, asked = make(), 0, 0
    line.from_device(b"held", now)
    while (due := line.deadline()) is not None:
        now = max(now, due)
        line.to_host(now, 0)
        asked += 1
    assert now == 200 * MS
    assert asked <= 21


def test_a_cut_loses_what_is_on_its_way_and_what_comes() -> None:
    line = make(RATE)
    line.from_host(b"abc", 0)
    line.from_device(b"defg", 0)
    line.cut(BYTE, 10 * MS)
    line.from_host(b"x", 9 * MS)
    assert line.counters["cut"] == 8
    line.from_host(b"y", 11 * MS)
    assert line.to_device(20 * MS, 0) == b"y"
    assert line.to_host(20 * MS, 100) == b""


def test_writers_wait_at_a_full_backlog() -> None:
    line = make(RATE)
    line.from_host(bytes(BACKLOG), 0)
    line.from_device(bytes(BACKLOG), 0)
    assert line.host_waits()
    assert line.device_waits()
    line.to_device(BYTE, 0)
    line.to_host(BYTE, 100)
    assert not line.host_waits()
    assert not line.device_waits()


def test_a_device_waits_at_most_the_hold_for_a_host_that_does_not_read(line: Line) -> None:
    line.from_device(bytes(BACKLOG), 0)
    line.to_host(0, 0)
    assert line.device_waits()
    line.to_host(200 * MS, 0)
    assert not line.device_waits()
