"""A turn of the loop costs on the machine what the model of the air charges for it."""

from __future__ import annotations

import pytest

from simulator.hardware.radio.model.chip import CHIP
from simulator.tools.chip import turns

pytestmark = [pytest.mark.chip, pytest.mark.usefixtures("machine")]


def test_the_model_charges_what_the_machine_counts() -> None:
    found = turns.measure()
    assert found.rest == pytest.approx(CHIP.turn, rel=0.25)
    assert found.event == pytest.approx(CHIP.event, rel=0.25)
    assert list(found.events) == ["connected", "mtu", "written", "disconnected"]
    assert found.rest < min(found.events.values())
