"""Buyers and phones that do what an honest app never does, each in one place."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from simulator.phone.buyer import Buyer

if TYPE_CHECKING:
    from simulator.phone.buyer import Act
    from simulator.phone.events import View


class Looking(Buyer):
    """Has the offer on the screen, its key sent, and does nothing more."""

    comes_again = False

    async def act(self, view: View) -> AsyncGenerator[Act, None]:
        return
        yield
