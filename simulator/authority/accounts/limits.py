"""What a receiver may take without a network."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """Of one receiver, as its states carry them."""

    floor: int  # of one sale, in minor units
    total: int  # of all that are not sent yet
    sales: int  # that are not sent yet
    hours: int


OFF = Limits(0, 0, 0, 0)
