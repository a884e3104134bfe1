"""What a bridge's times say of a purchase, moved to this computer's clock."""

from __future__ import annotations

import pytest

from bridge.observability import timings
from simulator.tools.measure.till_side import TillSays, _said
from simulator.tools.promise.record import BRIDGE, PAID, TILL, Mark

STAMPS = {
    timings.OFFER: 100.0,
    timings.APPROVAL_RECEIVED: 105.0,
    timings.AUTHORISE_SENT: 105.25,
    timings.VERDICT_RECEIVED: 105.5,
    timings.AUTHORISE_ANSWERED: 105.75,
    timings.TOLD: 106.0,
}


def test_times_are_those_of_the_clock_by_which_the_answer_came() -> None:
    said = _said(10.0, STAMPS, 26.0)
    assert said == TillSays(
        offered=10.0,
        approved=26.0,
        authority_s=0.25,
        marks=(
            Mark(BRIDGE, "approval_received", 25.0),
            Mark(BRIDGE, "authority_asked", 25.25),
            Mark(BRIDGE, "authority_answered", 25.75),
            Mark(BRIDGE, "verdict_received", 25.5),
            Mark(TILL, "approved", 26.0),
        ),
        outcome=PAID,
    )


@pytest.mark.parametrize(
    ("changes", "waited"),
    [
        ({timings.VERDICT_RECEIVED: 105.9}, 0.0),  # the chip took longer
        ({timings.VERDICT_RECEIVED: 105.0}, 0.5),  # the chip was there before it was asked
        ({timings.AUTHORISE_ANSWERED: 107.25}, 1.75),
    ],
)
def test_the_authoritys_time_is_what_was_waited_for_it_alone(
    changes: dict[str, float], waited: float
) -> None:
    assert _said(10.0, STAMPS | changes, 26.0).authority_s == waited


def test_an_offline_approval_waits_for_no_authority() -> None:
    stamps = {name: at for name, at in STAMPS.items() if not name.startswith("authorise")}
    assert _said(10.0, stamps, 26.0).authority_s == 0
