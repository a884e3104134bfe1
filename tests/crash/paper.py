"""What tills do once a bridge is back that may have forgotten something (docs/till-api.md).

They say every decision again that stands on paper, and ask about what they have not decided.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bridge.domain.till_decisions import Wish
from simulator.virtual.till_api import UnknownError
from tests.crash.till import CANCELLED, PAID, RUNG, UNPAID, look

if TYPE_CHECKING:
    from tests.crash.till import Till
    from tests.crash.world import World


async def take_up(world: World) -> None:
    """Every sale that a till has on paper, one after the other."""
    till = world.till
    for sale_id in [name for name, rung in till.rung.items() if not rung.original]:
        paper = till.paper[sale_id]
        if paper in (PAID, CANCELLED):
            await till.decide(sale_id, Wish.PAY if paper == PAID else Wish.CANCEL)
        elif paper in (RUNG, UNPAID):
            await _ask(till, sale_id)


async def _ask(till: Till, sale_id: str) -> None:
    """The goods are not handed out: what is approved all the same is taken back."""
    state = ""
    while state not in ("approved", "declined", "cancelled"):
        try:
            view = await till.until_answered(partial(look, sale_id=sale_id))
        except UnknownError:
            break
        state = view["state"]
    till.paper[sale_id] = UNPAID
    if state == "approved":
        await till.decide(sale_id, Wish.CANCEL)
