"""The trace of an approval, through the real processes."""

from __future__ import annotations

import pytest

from simulator.tools.bench import trace

pytestmark = pytest.mark.processes

SALES = 3


def test_what_is_counted() -> None:
    first, *later = trace.counted(SALES)
    assert 1 + len(later) == SALES
    for count in later:
        assert {"socket_port.py", "app.py", "writer.py"} <= {
            file.rpartition("/")[2] for file in count.files
        }
        assert count.parses == 2  # of the approval and of the receipt
        assert 1 <= count.commits <= first.commits
        assert len(count.files) <= count.moves < count.calls
    files = [count.files for count in later]
    assert set.intersection(*files) in files  # others do what is not the sale's, like a timer's
    assert len({(count.parses, count.commits) for count in later}) == 1


def test_what_is_timed() -> None:
    times = trace.timed(SALES)
    assert len(times) == SALES
    assert all(0 < seconds < 1 for seconds in times)
