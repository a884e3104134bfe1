"""Where the time goes, of steps whose times are known."""

from __future__ import annotations

import pytest

from simulator.tools.promise.breakdown import (
    APPROVED,
    CHECKED,
    COLD,
    breakdowns,
    parts,
)
from simulator.tools.promise.record import BRIDGE, PHONE, RECEIVER, Mark, Record
from tests.support.values.made_up_purchases import bought

VISIT = [
    Mark(PHONE, "found", 2.125),
    Mark(PHONE, "connected", 2.25),
    Mark(PHONE, "whistled", 2.3),  # no part ends with it
    Mark(PHONE, "read", 2.4375),
    Mark(RECEIVER, "approval_received", 7.0625),
    Mark(BRIDGE, "verdict_received", 7.25),
    Mark(BRIDGE, "authority_answered", 7.5),
]


def visit(**changes: object) -> Record:
    return bought(**{"steps": VISIT, **changes})


def test_a_part_ends_with_its_step() -> None:
    assert parts(2.0, 2.5, VISIT, "the rest") == {
        "searching": 0.125,
        "connection set-up": 0.125,
        "reading": 0.1875,
        "the rest": 0.0625,
    }


def test_the_parts_are_the_whole() -> None:
    found = {each.stretch: sum(each.parts.values()) for each in breakdowns([visit()])}
    assert found == pytest.approx({COLD: 0.5, APPROVED: 0.75})


def test_attempts_that_fail_are_a_part() -> None:
    steps = [
        Mark(PHONE, "found", 1.0),
        Mark(PHONE, "connect_failed", 2.0),
        Mark(PHONE, "again", 2.0),
        Mark(PHONE, "scanning", 2.5),
        Mark(PHONE, "found", 3.0),
        Mark(PHONE, "connected", 3.25),
    ]
    assert parts(0.0, 3.25, steps, "") == {
        "searching": 1.5,
        "failed attempts": 1.0,
        "holding it again": 0.5,
        "connection set-up": 0.25,
    }


def test_who_checked_in_waits_for_other_parts() -> None:
    steps = [Mark(PHONE, "notified", 2.25)]
    (found, slowest) = breakdowns([bought(checked_in=True, steps=steps, last_digit=None)])
    assert (found.stretch, found.slowest, slowest.slowest) == (CHECKED, False, True)
    assert found.parts == {"notification": 0.25, "the phone's checks": 0.25}


def test_the_slowest_are_a_twentieth() -> None:
    records = [visit(shown=2.5 + number / 16) for number in range(40)]
    whole, slowest = (each for each in breakdowns(records) if each.stretch == COLD)
    assert (whole.of, slowest.of) == (40, 2)
    assert whole.parts["the phone's checks"] == pytest.approx(0.0625 + 39 / 32)
    assert slowest.parts["the phone's checks"] == pytest.approx(0.0625 + 38.5 / 16)
    assert slowest.parts["searching"] == whole.parts["searching"]


def test_purchases_without_steps_or_ends_are_left_out() -> None:
    assert breakdowns([bought(), visit(shown=None, last_digit=None)]) == []


def test_parts_stand_in_the_order_of_a_purchase() -> None:
    found = [list(each.parts) for each in breakdowns([visit(), visit(steps=VISIT[:1])])]
    assert found[0] == ["searching", "connection set-up", "reading", "the phone's checks"]
    assert found[2] == ["writing", "the chip", "the authority", "the phone's checks"]
