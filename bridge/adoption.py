"""A sale whose journal is lost: the till still has its id, and the authority what it holds.

The till's decision brings such a sale back: nothing that is held is left without an owner.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from receiver import messages, session

from .money.sale import Fact, Sale, Terms
from .money.states import Event

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .station import Station
    from .surroundings import Authority

BACK_S = 8 * 24 * 3600  # as long as the authority holds what nobody decided, and a day
AHEAD_S = 24 * 3600  # what the two clocks may differ
_HOLDS = ("PENDING", "POSTED", "EXPIRED")


async def find(
    authority: Authority, bridge_id: bytes, stations: Iterable[Station], sale_id: str
) -> tuple[Sale, list[Fact]] | None:
    """The purchase that the authority holds under this id, and the facts that take it over.

    Raises UnansweredError and RefusedError.
    """
    now = int(time.time())
    for station in stations:
        receiver_id = station.evidence.holder.receiver_id
        reference = session.sale_reference(bridge_id, station.till, sale_id)
        listed = await authority.transactions(receiver_id, now - BACK_S, now + AHEAD_S)
        for one in listed:
            if one.get("reference") == reference.hex() and one.get("state") in _HOLDS:
                return _taken_over(station, sale_id, reference, one)
    return None


def _taken_over(
    station: Station, sale_id: str, reference: bytes, one: dict[str, Any]
) -> tuple[Sale, list[Fact]]:
    terms = Terms(
        sale_id,
        station.till,
        int(one["amount"]),
        int(one["currency"]),
        0,
        "",
        reference,
        station.evidence.holder.receiver_id,
        messages.PURCHASE,
    )
    fact = Fact(
        Event.ADOPTED,
        approval_id=bytes.fromhex(one["approval_id"]),
        transaction_id=bytes.fromhex(one["transaction_id"]),
    )
    # What is posted was paid: the decision is older than the journal.
    decided = [Fact(Event.PAID)] if one["state"] == "POSTED" else []
    return Sale(terms), [fact, *decided]
