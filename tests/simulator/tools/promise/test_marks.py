"""Steps of the phone and times of the bridge, as marks."""

from __future__ import annotations

from bridge.observability import timings
from simulator.phone.app.visit import Step
from simulator.tools.promise import marks
from simulator.tools.promise.record import BRIDGE, PHONE, TILL, Mark


def test_a_step_is_a_mark() -> None:
    found = list(marks.of_phone(Step("found", 1.5, {"rssi": -40})))
    assert found == [Mark(PHONE, "found", 1.5)]


def test_a_write_is_handed_over_and_acknowledged() -> None:
    found = list(marks.of_phone(Step("approval_written", 1.5, {"acknowledged": 1.75})))
    assert found == [Mark(PHONE, "approval_ready", 1.5), Mark(PHONE, "approval_written", 1.75)]


def test_a_bridges_times_are_moved_to_the_records_clock() -> None:
    stamps = {timings.OFFER: 1.0, timings.APPROVAL_RECEIVED: 2.0, timings.TOLD: 3.0}
    assert list(marks.of_bridge(stamps, 10.0)) == [
        Mark(BRIDGE, "approval_received", 12.0),
        Mark(TILL, "approved", 13.0),
    ]
