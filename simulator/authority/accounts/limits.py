"""What a receiver may accept offline."""

from __future__ import annotations

from typing import NamedTuple


class Limits(NamedTuple):
    """The limits of one receiver, as its signed states carry them."""

    floor: int  # of one sale, in minor units
    total: int  # of all that are not uploaded yet
    sales: int  # that are not uploaded yet
    hours: int


OFF = Limits(0, 0, 0, 0)
