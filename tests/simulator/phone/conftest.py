"""What tests of the phone share: a shop in memory, at each step of a purchase."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.authority.keys import Keys
from simulator.phone.conversation import events
from tests.support.machines.phone import Shop, wallet


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys.json")


@pytest.fixture
def shop(keys: Keys) -> Shop:
    """With no sale, and a phone that has not come."""
    return Shop(keys, wallet(keys))


@pytest.fixture
def showing(shop: Shop) -> Shop:
    """A phone that shows the offer to its buyer."""
    shop.visit()
    return shop


@pytest.fixture
def presented(showing: Shop) -> Shop:
    """The buyer has typed the first digit."""
    showing.tell_phone(events.FirstDigit())
    return showing


@pytest.fixture
def approved(showing: Shop) -> Shop:
    """The buyer has typed the code."""
    showing.type()
    return showing
